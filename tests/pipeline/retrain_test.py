"""Nights of a small shop: what passes the gate goes into service, what does not is held, and says why."""

import csv
import datetime
import gzip
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from support import BAD_INPUT, PipelineTest, STOPPED, STORAGE, USAGE

HELD = 7
FIRST_DAY = datetime.date(2025, 1, 1)

CONFIG = """
[retrain]
store = "store"
keep = 3
min_over_popular = -1
max_worse = 0.5
max_drift = 5

[ingest]
input = ["logs/day-*.csv*"]
columns = { user = "user", item = "item", type = "type", time = "time" }
hold_out_days = 2

[train]
family = "als"
k = 8
sweeps = 3
lambda = 0.03
alpha0 = 0.1

[evaluate]
at = [20]
replicates = 20

[recommend]
n = 20
"""


def time_of(day):
    """The hour after this day (from 1) of the log."""
    return f"{FIRST_DAY + datetime.timedelta(days=day)}T01:00:00Z"


class Shop(PipelineTest):
    """A shop whose log comes a file a day."""

    DAYS, USERS, EVENTS = 16, 150, 12000
    SYNTH = ()

    def setUp(self):
        super().setUp()
        self.write("shop.toml", CONFIG)
        self.run_well(0, "synth", "--output", "synth", "--users", self.USERS, "--items", "80", "--events", self.EVENTS,
                      "--days", self.DAYS, *self.SYNTH, "--start-date", str(FIRST_DAY), "--files", "1", "--bot-share", "0",
                      *[f"--dirt-{kind}=0" for kind in ("duplicate-line", "missing-user", "missing-item", "bad-number",
                                                        "bad-time", "bad-price", "future-time", "garbage",
                                                        "service-code")])
        source, = self.path("synth").glob("events-*.csv")
        with open(source, newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            self.days = {day: [] for day in range(1, self.DAYS + 1)}
            for row in rows:
                date = datetime.date.fromisoformat(row["time"][:10]) if "-" in row["time"] else \
                    datetime.datetime.fromtimestamp(int(row["time"]), datetime.timezone.utc).date()
                self.days[(date - FIRST_DAY).days + 1].append(
                    ",".join((row["user"], row["item"], row["type"], row["time"])) + "\n")

    def lines(self, day):
        return "user,item,type,time\n" + "".join(self.days[day])

    def bring(self, first, last=None):
        """The logs of these days arrive."""
        for day in range(first, (last or first) + 1):
            self.write(f"logs/day-{day:02}.csv", self.lines(day))

    def night(self, day, *options, ranks=0):
        """The night after a day: its exit code, and its line of the history."""
        ended = self.run_program(ranks, "retrain", "--config", "shop.toml", "--now", time_of(day), "--json", *options)
        self.assertIn(ended.code, (0, HELD), ended.told())
        night = ended.json()["night"]
        self.assertEqual(night["outcome"], "published" if ended.code == 0 else "held", ended.told())
        self.assert_nothing_partial()
        return ended.code, night

    def published(self, day, *options, **more):
        code, night = self.night(day, *options, **more)
        self.assertEqual(code, 0, night["reason"])
        return night

    def held(self, day, words, *options, **more):
        before = self.in_service()
        code, night = self.night(day, *options, **more)
        self.assertEqual(code, HELD, night)
        self.assertIn(words, night["reason"])
        self.assertEqual(self.in_service(), before, "a held night changes nothing")
        return night

    def in_service(self):
        link = self.path("store/current")
        return os.readlink(link) if link.is_symlink() else None

    def history(self):
        return self.run_well(0, "history", "--store", "store", "--json").json()


class Nights(Shop):
    def test_kept_events_give_the_bits_of_all_logs_parsed(self):
        def bits(store):
            rejects = gzip.decompress(self.path(f"{store}/rejects.csv.gz").read_bytes())
            return rejects.replace(store.encode(), b"")

        def kept(record):
            return json.loads(self.path(record).read_text())["results"]["kept_events"]

        window = ("--window-days", "8", "--ingest.bot-events-per-day", "9")
        self.bring(1, 9)
        self.path("logs/day-04.csv").unlink()
        self.path("logs/day-04.csv.gz").write_bytes(gzip.compress(self.lines(4).encode()))
        bad = "no line of ours\n" + "".join(self.days[4][:9])  # repeats, of rows that soon age out
        self.write("logs/day-06.csv", self.lines(6) + bad)
        for day, ranks, parsed in ((10, 2, 10), (11, 3, 1), (12, 1, 1)):
            self.bring(day)
            once = self.published(day, *window, ranks=ranks)
            again = self.published(day, *window, "--store", "plain", "--no-kept-events", ranks=2)
            self.assertEqual(once["digests"], again["digests"])
            self.assertEqual(once["log"], again["log"])
            self.assertEqual(once["new_files"], again["new_files"])
            self.assertEqual(bits("store"), bits("plain"))
            came = kept("store/current/run.json")
            self.assertEqual((came["files_parsed"], came["files_taken"]), (parsed, day - parsed))
        self.assertFalse(self.path("plain/kept-events").exists())

        damaged = self.path("store/kept-events/000001.h5")
        content = bytearray(damaged.read_bytes())
        content[len(content) // 2] ^= 16
        damaged.write_bytes(content)
        self.bring(13)
        ended = self.run_well(2, "retrain", "--config", "shop.toml", "--now", time_of(13), "--json", *window)
        self.assertIn("kept events are left aside", ended.err)
        again = self.published(13, *window, "--store", "plain", "--no-kept-events")
        self.assertEqual(ended.json()["night"]["digests"], again["digests"])
        self.assertEqual(kept("store/current/run.json")["files_parsed"], 11)
        self.assertFalse(damaged.exists())

    def test_good_nights_are_published_one_after_the_other(self):
        self.bring(1, 10)
        first = self.published(10)
        self.assertEqual(self.in_service(), f"versions/{first['version']}")
        self.assertTrue(first["version"].startswith("0001-20250111T"), first)
        self.assertNotIn("lists", first, "there is nothing to compare with")
        for name in ("data.h5", "model.h5", "measured.h5", "lists/lists.h5", "report.html", "run.json", "night.json"):
            self.assertTrue(self.path("store/current").joinpath(name).is_file(), name)
        for name in ("data.h5", "model.h5", "measured.h5", "lists/manifest.json"):
            self.run_well(0, "info", f"store/current/{name}")

        self.bring(11)
        second = self.published(11)
        self.assertEqual([file["path"] for file in second["new_files"]], ["logs/day-11.csv"])
        self.assertEqual(second["log"]["new_events"], len(set(self.days[11])))
        self.assertTrue(0 < second["lists"]["churn"] < 1, second["lists"])
        self.assertIn("in_service", second["metric"])
        self.assertGreater(second["metric"]["in_service"], 0)

        self.bring(12, 13)  # a night was missed, and older logs were put away
        whole = self.path("logs/day-11.csv").read_bytes()
        self.path("logs/day-11.csv").unlink()
        self.write_gz("logs/day-11.csv.gz", whole)
        third = self.published(13)
        self.assertEqual(len(third["new_files"]), 2)
        self.assertEqual([file["path"] for file in third["moved_files"]], ["logs/day-11.csv.gz"])
        self.bring(14)
        self.published(14)
        found = self.history()
        self.assertEqual([night["outcome"] for night in found["nights"]], ["published"] * 4)
        self.assertEqual(found["in_service"], found["nights"][-1]["version"])
        self.assertEqual(len(found["versions"]), 3, "--keep 3")
        table = self.run_well(0, "history", "--store", "store", "--last", "2").out
        self.assertEqual(table.count(" published "), 2, table)
        self.run_well(2, "history", "--store", "store", "--plot", "pictures/nights.svg")
        self.assertEqual(self.path("pictures/nights.svg").read_text().count("<circle"), 4)

    def test_a_stopped_night_goes_on(self):
        """Stopped again and again, in both trainings and in the lists, on other numbers of ranks."""
        self.bring(1, 10)
        self.published(10)
        shutil.copytree(self.path("store"), self.path("store-whole"), symlinks=True)
        self.bring(11)
        whole = self.published(11, "--store", "store-whole")
        stops = []
        for ranks in (2, 3, 1, 4) * 5:
            ended = self.run_program(ranks, "retrain", "--config", "shop.toml", "--now", time_of(11), "--json",
                                     "--checkpoint-every", "30rows", "--max-hours", "1e-9")
            if ended.code == 0:
                break
            self.assertEqual(ended.code, STOPPED, ended.told())
            self.assertEqual(len(self.history()["nights"]), 1, "a stopped night is no night yet")
            self.assertTrue(self.path("store/stopped.json").is_file())
            stops.append(re.search("stopped after [0-9]+ (lists|sweep)|stopped after sweep", ended.err)[0])
        night = ended.json()["night"]
        self.assertEqual(night["digests"], whole["digests"])
        self.assertEqual(night["night"], 2)
        self.assertGreaterEqual(stops.count("stopped after sweep"), 2, stops)
        self.assertGreaterEqual(len(stops) - stops.count("stopped after sweep"), 1, stops)
        left = [path.name for path in self.path("store").iterdir()]
        self.assertEqual([name for name in left if "checkpoint" in name or "stopped" in name], [])

    def test_checkpoints_of_another_night_are_no_obstacle(self):
        self.bring(1, 10)
        ended = self.run_program(2, "retrain", "--config", "shop.toml", "--now", time_of(10), "--stop-after-sweeps", "1")
        self.assertEqual(ended.code, STOPPED, ended.told())
        self.bring(11)
        ended = self.run_program(2, "retrain", "--config", "shop.toml", "--now", time_of(11))
        self.assertEqual(ended.code, 0, ended.told())
        self.assertIn("beginning anew", ended.err)

    def test_what_fails_after_the_switch_does_not_undo_the_night(self):
        self.bring(1, 10)
        self.path("record").mkdir()  # the run record cannot take this name
        ended = self.run_program(2, "retrain", "--config", "shop.toml", "--now", time_of(10), "--run-record", "record")
        self.assertEqual(ended.code, STORAGE, ended.told())
        night, = self.history()["nights"]
        self.assertEqual(night["outcome"], "published")
        self.assertEqual(self.in_service(), f"versions/{night['version']}")

    def test_a_night_learns_who_is_served_by_its_model(self):
        self.bring(1, 11)
        self.published(11, "--recommend.learn-min-evidence", ranks=3)
        record = self.record("store/current/run.json")["results"]
        learned = record["night"]["min_evidence"]
        self.assertEqual((learned["model"], learned["filled_by"]), ("als", ["popular"]))
        self.assertEqual(record["evaluation"]["model"], "als")  # the gate judges the model
        self.assertNotIn("min_evidence", record["evaluation"])
        self.assertEqual(record["recommend"]["min_evidence"],
                         {"pairs": learned["learned"],
                          "from": "learned in this run" if learned["learned"] > 1 else "default", "learned": learned})

    def test_warm_nights_between_cold_ones(self):
        starts = []
        for day in range(10, 15):
            self.bring(1 if day == 10 else day, day)
            night = self.published(day, "--cold-every", "3")
            starts.append((night["start"], night["sweeps"]))
            self.assertEqual(night.get("cold_is_due", False), day == 13)
        cold, warm = ("cold", {"measured": 3, "published": 3}), ("warm", {"measured": 2, "published": 2})
        self.assertEqual(starts, [cold, warm, warm, cold, warm])
        self.bring(15)
        other = self.published(15, "--train.k", "9", "--warm-sweeps", "1")
        self.assertEqual((other["start"], other["sweeps"]["measured"]), ("cold", 3), "other factors are no start")
        self.bring(16)
        self.assertEqual(self.published(16, "--train.k", "9", "--warm-sweeps", "1")["sweeps"]["measured"], 1)

    def test_train_starts_from_a_model_by_ids(self):
        self.bring(1, 10)
        ingest = ["--columns", "user=user,item=item,type=type,time=time"]
        self.run_well(0, "ingest", "--input", "logs/day-*.csv", *ingest, "--output", "before/data.h5")
        self.run_well(0, "train", "als", "--dataset", "before/data.h5", "--k", "8", "--sweeps", "8", "--output",
                      "before/model.h5")
        self.bring(11)
        self.run_well(0, "ingest", "--input", "logs/day-*.csv", *ingest, "--output", "data.h5")
        objectives = {}
        for name, options in (("cold", []), ("warm", ["--warm-start", "before/model.h5"])):
            self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "8", "--sweeps", "2", "--output",
                          f"{name}.h5", *options)
            sweeps = self.record(f"{name}.run.json")["results"]["training"]["sweeps"]
            objectives[name] = [sweep["objective"] for sweep in sweeps]
        self.assertLess(objectives["warm"][0], objectives["cold"][1])
        self.run_badly(0, USAGE, ["--warm-start", "8", "9"], "train", "als", "--dataset", "data.h5", "--k", "9",
                       "--warm-start", "before/model.h5", "--output", "other.h5")

    def test_only_a_window_of_the_log_counts(self):
        self.bring(1, 12)
        whole = self.published(12, "--store", "whole")
        short = self.published(12, "--store", "short", "--window-days", "6")
        self.assertLess(short["log"]["kept"], whole["log"]["kept"])
        expected = sum(1 for day in range(1, 13) for line in set(self.days[day])
                       if self.seconds(line) >= self.seconds(f",,,{time_of(6)}\n"))
        self.assertEqual(short["log"]["kept"], expected)

    @staticmethod
    def seconds(line):
        text = line.rstrip("\n").rsplit(",", 1)[1]
        return int(text) if text.isdigit() else datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    def test_same_bits_on_any_ranks(self):
        self.bring(1, 10)
        found = {}
        for ranks in (0, 2, 3):
            store = f"store{ranks}"
            for path in self.path("logs").glob("day-11*"):
                path.unlink()
            self.published(10, "--store", store, ranks=ranks)
            self.bring(11)
            night = self.published(11, "--store", store, ranks=ranks)
            found[ranks] = {key: night[key] for key in ("digests", "metric", "lists", "changes", "checks", "drift")}
        self.assertEqual(found[2], found[0])
        self.assertEqual(found[3], found[0])


class Held(Shop):
    def setUp(self):
        super().setUp()
        self.bring(1, 10)
        self.published(10)

    def test_a_night_without_anything_new(self):
        self.held(10, "0 new events")

    def test_an_empty_log_holds_one_night_only(self):
        self.write("logs/day-11.csv", "")
        self.held(11, "logs/day-11.csv without an event")
        self.bring(12)
        self.published(12)
        self.write("logs/day-13.csv", "user,item,type,time\n")
        self.held(13, "logs/day-13.csv without an event")

    def test_a_log_that_came_twice(self):
        self.write("logs/day-11.csv", self.lines(10))
        self.held(11, "logs/day-11.csv (as logs/day-10.csv) with the lines of another")

    def test_lines_that_came_twice(self):
        self.write("logs/day-11.csv", self.lines(11) + "".join(self.days[11]))
        self.held(11, "are repeats")

    def test_a_broken_log(self):
        broken = self.lines(11).splitlines(keepends=True)
        self.write("logs/day-11.csv", "".join(line if n % 2 == 0 else f"{n} no line of ours\n"
                                              for n, line in enumerate(broken)))
        self.held(11, "new rows are bad")
        self.assertIn(b"no line of ours", gzip.decompress(self.path("store/rejects.csv.gz").read_bytes()))
        self.bring(12)  # its good lines count, its bad ones were left out and are known
        self.published(12)

    def test_a_log_that_is_replaced_is_new_and_one_that_grows_by_what_is_more(self):
        def shares(night):
            return [check["found"] for check in night["checks"] if check["check"] == "bad_rows"]

        lines = sorted(self.days[11], key=Nights.seconds)
        old, new = lines[:len(lines) * 2 // 5], lines[len(lines) * 2 // 5:]
        self.write("logs/day-11.csv", "user,item,type,time\n" + "".join(old))
        self.published(11)
        bad = len(new) // 6
        self.assertGreater(bad, 0.21 * (len(new) + bad - len(old)), "too many, were it longer by the others only")
        text = "user,item,type,time\n" + "".join(new) + "".join(f"{n} no line of ours\n" for n in range(bad))
        self.write("logs/day-11.csv", text)
        night = self.published(11)
        self.assertIn(f"{bad} of {len(new) + bad} new rows are bad", shares(night)[0])
        more = "".join(self.days[12][:20]) + "".join(f"{n} no line of ours either\n" for n in range(10))
        self.write("logs/day-11.csv", text + more)
        self.assertIn("10 of 30 new rows are bad", shares(self.held(12, "new rows are bad"))[0])

    def test_a_damaged_archive_until_it_is_left_out(self):
        whole = gzip.compress(self.lines(11).encode(), mtime=0)
        self.write("logs/day-11.csv.gz", whole[:len(whole) // 2])
        self.held(11, "day-11.csv.gz")
        self.bring(12)
        self.held(12, "day-11.csv.gz")
        self.published(12, "--skip-logs", "day-11*")

    def test_an_attack_of_bots(self):
        moment = self.days[11][-1].rsplit(",", 1)[1]
        items = sorted({line.split(",")[1] for line in self.days[1]})
        bots = "".join(f"bot{n},{item},view,{moment}" for n in range(100) for item in items)
        self.write("logs/day-11.csv", self.lines(11) + bots)
        night = self.held(11, "'view' events in a day where")
        self.assertNotIn("metric", night, "a log that is refused is not trained on")

    def test_a_model_that_is_worse(self):
        self.bring(11)
        self.held(11, "of the model in service", "--train.lambda", "1e-9", "--train.alpha0", "1e-6", "--train.nu", "0", "--max-worse", "0.1")

    def test_lists_that_change_too_much(self):
        self.bring(11)
        night = self.held(11, "of the places of the lists changed", "--max-churn", "0.01")
        self.assertGreater(night["lists"]["churn"], 0.01)

    def test_a_model_that_is_worse_than_popularity_by_category(self):
        self.bring(11)
        night = self.held(11, "was not measured", "--min-over-category", "-0.9")
        self.assertNotIn("by_category", night["metric"])
        items = ("--ingest.items", "synth/items.csv")
        night = self.held(11, "of popularity by category", *items, "--min-over-category", "9")
        evaluation = self.record("store/held.run.json")["results"]["evaluation"]
        self.assertEqual(night["metric"]["by_category"], evaluation["category_baseline"]["recall@20"]["value"])
        night = self.published(11, *items, "--min-over-category", "-0.9")
        self.assertIn("category", [check["check"] for check in night["checks"]])
        self.assertEqual(self.history()["nights"][-1]["metric"]["by_category"], night["metric"]["by_category"])

    def test_too_few_users(self):
        self.bring(11)
        self.held(11, "at least 100000", "--min-users", "100000")

    def test_a_missing_log_is_a_failed_night(self):
        before = self.in_service()
        self.run_badly(0, STORAGE, "nowhere", "retrain", "--config", "shop.toml", "--ingest.input", "nowhere/*.csv")
        self.assertEqual(self.in_service(), before)

    def test_an_error_in_training_is_written_down(self):
        self.bring(11)
        before = self.in_service()
        ended = self.run_program(2, "retrain", "--config", "shop.toml", "--now", time_of(11), "--train.event-weight",
                                 "nothing=1", "--on-finish", "cat > told.json")
        self.assertEqual(ended.code, USAGE, ended.told())
        self.assertEqual(self.in_service(), before)
        last = self.history()["nights"][-1]
        self.assertEqual(last["outcome"], "failed")
        self.assertIn("nothing", last["reason"])
        self.assertEqual(self.record("told.json"), last)
        self.assert_nothing_partial()
        self.published(11)


class Operating(Shop):
    def setUp(self):
        super().setUp()
        self.bring(1, 10)
        self.first = self.published(10)

    def test_rollback_and_on(self):
        self.run_badly(0, USAGE, "no version before", "rollback", "--store", "store")
        self.bring(11)
        second = self.published(11)
        told = self.run_well(2, "rollback", "--store", "store", "--reason", "lists look odd", "--json").json()
        self.assertEqual((told["from"], told["in_service"]), (second["version"], self.first["version"]))
        self.assertEqual(self.in_service(), f"versions/{self.first['version']}")
        last = self.history()["nights"][-1]
        self.assertEqual((last["outcome"], last["reason"], last["version"]),
                         ("rolled_back", "lists look odd", self.first["version"]))
        self.run_badly(0, USAGE, "no version before", "rollback", "--store", "store")
        self.run_badly(0, USAGE, ["--to 9", self.first["version"]], "rollback", "--store", "store", "--to", "9")
        self.run_well(0, "rollback", "--store", "store", "--to", "2")
        self.assertEqual(self.in_service(), f"versions/{second['version']}")
        self.run_well(0, "rollback", "--store", "store")
        self.bring(12)
        third = self.published(12)
        self.assertGreater(third["log"]["new_events"], len(set(self.days[12])), "new to the version in service")

    def test_a_version_in_service_that_is_damaged_is_compared_by_the_one_before(self):
        def damage(path):
            content = bytearray(self.path(path).read_bytes())
            content[len(content) // 2] ^= 4
            self.path(path).write_bytes(content)

        first = self.in_service()
        self.bring(12)
        self.published(12)
        second = self.in_service()
        damage("store/current/measured.h5")
        self.bring(13)
        ended = self.run_well(2, "retrain", "--config", "shop.toml", "--now", time_of(13), "--cold-every", "2",
                              "--json")
        night = ended.json()["night"]
        self.assertEqual([f"versions/{name}" for name in night["damaged"]], [second])
        self.assertEqual(f"versions/{night['compared_with']}", first)
        self.assertEqual(night["start"], "warm", "upon the first, which was cold; the damaged one was warm")
        self.assertGreater(night["metric"]["in_service"], 0)
        self.assertGreater(night["lists"]["churn"], 0)
        self.assertRegex(ended.err, f"{second[9:]} is damaged.*measured.h5")
        self.assertIn(f"this night starts from {first[9:]}", ended.err)
        third = self.in_service()
        self.assertNotIn(third, (first, second))

        for version, name in ((first, "data.h5"), (third, "lists/lists.h5")):
            damage(f"store/{version}/{name}")
        self.bring(14)
        self.run_badly(2, BAD_INPUT, ["lists.h5"], "retrain", "--config", "shop.toml", "--now", time_of(14))
        self.assertEqual(self.in_service(), third)
        self.assertEqual(self.history()["nights"][-1]["outcome"], "failed")

    def test_a_dry_run_changes_nothing(self):
        self.bring(11)
        before = self.digests("store/history.jsonl", "store/versions")
        code, night = self.night(11, "--dry-run")
        self.assertEqual((code, night["outcome"]), (0, "published"))
        code, night = self.night(11, "--dry-run", "--max-churn", "0")
        self.assertEqual((code, night["outcome"]), (HELD, "held"))
        self.assertEqual(self.digests("store/history.jsonl", "store/versions"), before)
        self.assertEqual(self.in_service(), f"versions/{self.first['version']}")

    def test_two_at_once_are_refused_and_a_stale_lock_is_not(self):
        sleeper = subprocess.Popen(["sleep", "60"])
        self.addCleanup(sleeper.kill)
        start = int(pathlib.Path(f"/proc/{sleeper.pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self.write("store/lock", json.dumps({"host": socket.gethostname(), "process": sleeper.pid, "verb": "retrain",
                                             "boot": boot, "process_start": start, "since": 1735689600}))
        for verb in (["retrain", "--config", "shop.toml"], ["rollback", "--store", "store"]):
            self.run_badly(2, USAGE, ["in use by pushcart retrain", str(sleeper.pid)], *verb)
        sleeper.send_signal(signal.SIGKILL)
        sleeper.wait()
        self.bring(11)
        self.published(11)
        self.assertFalse(self.path("store/lock").exists())

    def test_a_night_that_is_killed_changes_nothing_and_the_next_one_goes_on(self):
        """At random moments, also while it keeps events; then on another number of ranks."""
        draw = random.Random(5)
        self.bring(11)
        shutil.copytree(self.path("store"), self.path("store-whole"), symlinks=True)
        whole = self.published(11, "--store", "store-whole")
        before = self.in_service()
        files = self.digests(f"store/{before}")
        for ranks in (2, 3, 2, 4):
            delay = draw.uniform(0.1, 0.1 + whole["seconds"])
            job = self.start(ranks, "retrain", "--config", "shop.toml", "--now", time_of(11))
            time.sleep(delay)
            job.kill_all()
            job.wait(30)
            if self.in_service() != before:
                break  # it was through
            self.assertEqual(self.digests(f"store/{before}"), files)
        else:
            self.published(11, ranks=3)
        self.assertEqual(self.record("store/current/night.json")["digests"], whole["digests"])
        self.bring(12)
        again = self.published(12)
        self.assertEqual(again["digests"], self.published(12, "--store", "store-whole", "--no-kept-events")["digests"])
        kept = self.record("store/current/run.json")["results"]["kept_events"]
        self.assertEqual((kept["files_parsed"], kept["files_taken"]), (1, 11))
        self.assert_nothing_partial()

    def test_on_finish_gets_the_night(self):
        self.bring(11)
        night = self.published(11, "--on-finish", "cat > told.json; exit 3", ranks=2)
        self.assertEqual(self.record("told.json"), night)
        self.assertEqual(self.history()["nights"][-1], night)
        held = self.held(11, "0 new events", "--on-finish", "cat > told.json; sleep 60", "--on-finish-seconds", "0.5")
        self.assertEqual(self.record("told.json"), held)

    def test_settings_that_make_no_sense(self):
        for words, *options in (("--max-churn", "--max-churn", "2"), ("--keep", "--keep", "0"),
                                ("--metric", "--metric", "recall@7"), ("there are", "--metric", "rekall@20"),
                                ("blend", "--train.family", "blend"), ("hold-out", "--train.hold-out", "random"),
                                ("did you mean '--max-churn'", "--max-chum", "1")):
            self.bring(11)
            self.run_badly(0, USAGE, words, "retrain", "--config", "shop.toml", "--now", time_of(11), *options)
        self.run_badly(0, STORAGE, "no nights", "history", "--store", "nowhere")


if __name__ == "__main__":
    unittest.main()
