"""The commands as people type them, on small logs, with and without mpirun."""

import csv
import io
import json
import os
import pty
import random
import re
import subprocess
import unittest

from support import BAD_INPUT, PUSHCART, STORAGE, USAGE, PipelineTest, SharedFolderTest, faults, lists_of

VERBS = ["ingest", "train", "recommend", "similar", "evaluate", "push", "report", "run", "synth", "info"]


def tastes(num_users, num_items, per_user, seed):
    """(user, item) pairs of two groups of users that each like one half of the items, some items more than others."""
    draw = random.Random(seed)
    pairs = []
    for user in range(num_users):
        half = user % 2 * (num_items // 2)
        liked = set()
        while len(liked) < per_user:
            liked.add(half + int(num_items // 2 * draw.random() ** 2))
        pairs += [(user, item) for item in sorted(liked)]
    return pairs


def shop_csv(num_users=60, num_items=40):
    """A till log with quoted names, a name with a comma and a quote, and a column called Customer ID."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID"])
    for n, (user, item) in enumerate(tastes(num_users, num_items, 10, 1)):
        day = 1 + n * 7 % 28
        rows.writerow([1000 + n, f"C{item:03}", f'Cup "{item}", blue', 1 + n % 3, f"2024-05-{day:02} 10:{n % 60:02}:00",
                       "2.50", f"1{user:04}"])
    return out.getvalue()


SHOP_COLUMNS = 'user="Customer ID",item=StockCode,time=InvoiceDate,quantity=Quantity,price=Price,name=Description'


def adjacency(pairs):
    lines = {}
    for user, item in pairs:
        lines.setdefault(user, []).append(str(item))
    return "".join(f"{user} {' '.join(items)}\n" for user, items in lines.items())


class LiteralCommands(PipelineTest):
    """The forms of the handbook, word by word."""

    def setUp(self):
        super().setUp()
        pairs = tastes(60, 40, 10, 2)
        held_out = [pair for n, pair in enumerate(pairs) if n % 10 == 3]
        self.write_gz("train.txt.gz", adjacency([pair for n, pair in enumerate(pairs) if n % 10 != 3]))
        self.write_gz("test.txt.gz", adjacency(held_out))
        self.write_gz("events.csv.gz", shop_csv())
        self.write_gz("ratings.dat.gz", "".join(f"u{u}::m{i}::{1 + (u + i) % 5}\n" for u, i in pairs))

    def check_adjacency_flow(self, ranks):
        self.run_well(ranks, "ingest", "--input", "train.txt.gz", "--format", "adjacency", "--output", "data.h5")
        self.run_well(ranks, "train", "als", "--dataset", "data.h5", "--k", "256", "--alpha0", "0.005", "--lambda",
                      "0.008", "--nu", "1", "--sweeps", "8", "--seed", "1", "--output", "model.h5")
        self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "20", "--format",
                      "csv", "--output", "lists")
        evaluated = self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--test",
                                  "test.txt.gz", "--test-format", "adjacency", "--at", "20", "--json")
        return evaluated.json()

    def test_adjacency_flow(self):
        metrics = {}
        for ranks in (0, 2):
            metrics[ranks] = self.check_adjacency_flow(ranks)
            recall = metrics[ranks]["recall@20"]
            self.assertTrue(0 <= recall["low"] <= recall["value"] <= recall["high"] <= 1, recall)
            self.assertGreater(recall["value"], metrics[ranks]["baseline"]["recall@20"]["value"])
            lists = lists_of(self.path("lists"))
            self.assertEqual(len(lists), 60)
            self.assertEqual({len(rows) for rows in lists.values()}, {20})
            for rows in lists.values():
                self.assertEqual([row[0] for row in rows], list(range(1, 21)))
                self.assertEqual(len({row[1] for row in rows}), 20)
        self.assertEqual(metrics[0], metrics[2])

    def test_shards_begin_with_the_header(self):
        self.check_adjacency_flow(2)
        shards = sorted(self.path("lists").glob("part-*.csv"))
        self.assertEqual([shard.name for shard in shards], ["part-00000.csv", "part-00001.csv"])
        for shard in shards:
            self.assertEqual(shard.read_text().splitlines()[0], "user,rank,item,name,score,source")

    def test_csv_with_quoted_names(self):
        for ranks in (0, 2):
            self.run_well(ranks, "ingest", "--input", "events.csv.gz", "--format", "csv", "--columns", SHOP_COLUMNS,
                          "--output", "data.h5")
            cleaning = self.record("data.run.json")["results"]["cleaning"]
            self.assertEqual((cleaning["rows_read"], cleaning["rows_kept"], cleaning["users"], cleaning["items"]),
                             (600, 600, 60, 40))
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "8", "--output", "model.h5")
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "5", "--output", "lists")
        for user, rows in lists_of(self.path("lists")).items():
            self.assertRegex(user, r"^1\d{4}$")
            for _, item, name, _, _ in rows:
                self.assertEqual(name, f'Cup "{int(item[1:])}", blue')

    def test_ratings_by_position(self):
        for ranks in (0, 2):
            self.run_well(ranks, "ingest", "--input", "ratings.dat.gz", "--format", "dcolon", "--columns",
                          "user=0,item=1,rating=2", "--output", "data.h5")
            self.run_well(ranks, "train", "als", "--dataset", "data.h5", "--k", "4", "--hold-out", "random",
                          "--output", "model.h5")
            metrics = self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--json").json()
            self.assertGreater(metrics["rmse"]["value"], 0)
            self.assertLess(metrics["rmse"]["value"], 4)


class SmallShop(SharedFolderTest):
    """A data set, a model and lists of the small shop, made once for the class."""

    def fill(self):
        self.write("events.csv", shop_csv())
        self.run_well(2, "ingest", "--input", "events.csv", "--columns", SHOP_COLUMNS, "--output", "data.h5")
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "8", "--output", "model.h5")
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "5", "--output", "lists")

    def recommend(self, output, *options, ranks=2):
        self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "5", "--output", output,
                      *options)
        return lists_of(self.path(output))

    def history(self):
        seen = {}
        for row in csv.DictReader(io.StringIO(shop_csv())):
            seen.setdefault(row["Customer ID"], set()).add(row["StockCode"])
        return seen

    def test_help_shows_every_default(self):
        jobs = [[verb, self.start(0, verb, "--help"), self.start(0, verb, "--dump-config")] for verb in VERBS]
        for verb, *two in jobs:
            shown, dumped = [job.wait(60) for job in two]
            self.assertEqual((shown.code, shown.err, dumped.code), (0, "", 0), shown.told() + dumped.told())
            dumped = dumped.out
            section = ""
            for line in dumped.splitlines():
                if re.match(r"\[[a-z]+\]$", line):
                    section = "" if line == f"[{verb}]" else line[1:-1] + "."
                setting = re.match(r"([a-z0-9-]+) = (.+)$", line)
                if not setting:
                    continue
                key, value = section + setting.group(1), setting.group(2)
                words = [word for group in re.findall(r"'([^']*)'|\"([^\"]*)\"|([^\[\], '\"]+)", value) for word in group]
                described = re.search(rf"^ +--{re.escape(key)}( \.\.\.)? .*\[(.*)\]$", shown.out, re.MULTILINE)
                self.assertIsNotNone(described, f"{verb} --help says no default of --{key}\n{shown.out}")
                for word in words:
                    self.assertIn(word, described.group(2), f"{verb} --{key}")

    def test_general_help_and_version(self):
        shown = self.run_well(0, "--help").out
        for verb in VERBS:
            self.assertIn(verb, shown)
        self.assertIn("pushcart 0.", self.run_well(0, "--version").out)

    def test_unknown_words_are_refused_with_the_nearest_known(self):
        for ranks in (0, 2):
            self.run_badly(ranks, USAGE, ["--swep", "--sweeps"], "train", "als", "--swep", "3")
            self.run_badly(ranks, USAGE, ["trian", "'train'"], "trian")
        self.run_badly(0, USAGE, ["asl", "'als'"], "train", "asl", "--dataset", "data.h5")
        self.run_badly(0, USAGE, "stray", "evaluate", "stray")
        self.write("bad.toml", '[train]\nk = 8\nlamda = 0.1\n')
        self.run_badly(0, USAGE, ["bad.toml:3", "lamda", "lambda"], "train", "--config", "bad.toml")
        self.run_badly(2, USAGE, ["bad.toml:3", "train.lamda", "train.lambda"], "run", "--config", "bad.toml")
        self.write("section.toml", '[trian]\nk = 8\n')
        self.run_badly(0, USAGE, ["section.toml:1", "trian", "[train]"], "train", "--config", "section.toml")
        self.write("two.toml", '[train]\nk = 8\nlambda = [0.1, 0.2]\n')
        self.run_badly(0, USAGE, ["two.toml:3", "lambda", "one value"], "train", "--config", "two.toml")
        self.write("torn.toml", '[train]\nk = \n')
        self.run_badly(0, USAGE, "torn.toml:2", "train", "--config", "torn.toml")

    def test_senseless_values_name_the_option(self):
        for option, value in [("--k", "0"), ("--k", "many"), ("--sweeps", "-1"), ("--lambda", "nan"),
                              ("--threads", "-2"), ("--memory-per-rank", "2 apples"), ("--preset", "rendel"),
                              ("--hold-out", "randm"), ("--hold-out-share", "1.5")]:
            more = ["--hold-out", "random"] if option == "--hold-out-share" else []
            self.run_badly(0, USAGE, option, "train", "--dataset", "data.h5", "--output", "no.h5", option, value, *more)
        self.run_badly(2, USAGE, "--n", "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "0")
        self.run_badly(2, USAGE, "--at", "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--at", "0",
                       "--test", "events.csv", "--test-columns", SHOP_COLUMNS)
        self.run_badly(2, USAGE, "--columns", "ingest", "--input", "events.csv", "--output", "no.h5", "--columns",
                       "usr=0,item=1")
        for option, value in [("--columns", "user=StockCode"), ("--max-line-bytes", "0"), ("--max-id-bytes", "0"),
                              ("--hold-out-days", "3"), ("--output", "")]:
            columns = [] if option == "--columns" else ["--columns", "user=Customer ID,item=StockCode"]
            self.run_badly(2, USAGE, option, "ingest", "--input", "events.csv", "--output", "no.h5", *columns, option, value)
        self.run_badly(0, USAGE, ["--exclude-items", "--max-id-bytes"], "ingest", "--input", "events.csv", "--columns",
                       SHOP_COLUMNS, "--output", "no.h5", "--max-id-bytes", "100000", "--exclude-items", "re:[A-Z]+")
        self.run_badly(2, USAGE, "--columns", "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--test",
                       "events.csv", "--test-columns", "user=Customer ID")
        self.run_badly(2, USAGE, "--format", "recommend", "--dataset", "data.h5", "--model", "model.h5", "--format",
                       "xls", "--output", "no")

    def test_dumped_settings_are_accepted_back(self):
        self.write("odd.csv", shop_csv().replace("C003", "007").replace("C004", "1e5").replace("C005", "+5"))
        options = ["--input", "odd.csv", "--columns", SHOP_COLUMNS, "--exclude-items", "007", "1e5", "+5", "re:^C01[02]$",
                   "--event", "event:weight=2,cap=log1p", "--half-life-days", "12.5", "--hold-out-days", "3",
                   "--output", "first.h5", "--rejects", "first.csv.gz"]
        self.run_well(0, "ingest", *options)
        self.write("ingest.toml", self.run_well(2, "ingest", *options, "--dump-config").out)
        self.run_well(2, "ingest", "--config", "ingest.toml", "--output", "second.h5")
        first, second = self.record("first.run.json"), self.record("second.run.json")
        self.assertEqual(first["results"]["dataset"]["digest"], second["results"]["dataset"]["digest"])
        self.assertGreater(first["results"]["cleaning"]["checks"]["excluded_item"]["rows_dropped"], 0)
        for key in first["config"]:
            if key not in ("config", "output"):
                self.assertEqual(first["config"][key], second["config"][key], key)

        options = ["als", "--dataset", "first.h5", "--k", "6", "--alpha0", "0.02", "--seed", "18446744073709551615",
                   "--memory-per-rank", "1GiB"]
        self.run_well(0, "train", *options, "--output", "first-model.h5")
        self.write("train.toml", self.run_well(0, "train", *options, "--dump-config").out)
        self.run_well(0, "train", "--config", "train.toml", "--output", "second-model.h5")
        self.assertEqual(self.record("first-model.run.json")["results"]["model"]["digest"],
                         self.record("second-model.run.json")["results"]["model"]["digest"])

    def test_command_line_overrides_the_file(self):
        self.write("k.toml", "[train]\nk = 3\nsweeps = 2\n[recommend]\nn = 7\n")
        self.run_well(0, "train", "--config", "k.toml", "--k", "5", "--dataset", "data.h5", "--output", "k.h5")
        config = self.record("k.run.json")["config"]
        self.assertEqual((config["k"], config["sweeps"]), ("5", "2"))

    def test_json_is_all_that_is_on_stdout(self):
        runs = [("ingest", "--input", "events.csv", "--columns", SHOP_COLUMNS, "--output", "again.h5"),
                ("train", "als", "--dataset", "data.h5", "--k", "4", "--output", "again-model.h5"),
                ("recommend", "--dataset", "data.h5", "--model", "model.h5", "--output", "again-lists"),
                ("similar", "--dataset", "data.h5", "--model", "model.h5", "--output", "again-similar"),
                ("push", "--dataset", "data.h5", "--lists", "lists", "--output", "again-feed"),
                ("synth", "--users", "20", "--items", "30", "--events", "300", "--output", "again-synth"),
                ("info", "data.h5")]
        for run in runs:
            ended = self.run_well(2, *run, "--json")
            self.assertIsInstance(ended.json(), dict)
            self.assertIn(f"{run[0]}: 2 ranks x 1 thread", ended.err)
            quiet = self.run_well(2, *run, "--json", "--quiet")
            self.assertEqual(quiet.err, "")
            self.assertEqual(set(quiet.json()), set(ended.json()))

    def test_table_and_record_of_a_run(self):
        ended = self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "4", "--output", "table.h5",
                              "--run-record", "elsewhere.json")
        for word in ("min", "mean", "max", "rows/s", "peak memory by rank", "memory planned per rank"):
            self.assertIn(word, ended.err)
        record = self.record("elsewhere.json")
        self.assertEqual(record["command"], "train")
        self.assertEqual(record["ranks"], 2)
        self.assertEqual(record["threads_per_rank"], 1)
        self.assertEqual(len(record["peak_memory_bytes_by_rank"]), 2)
        self.assertGreater(record["seconds"], 0)
        self.assertEqual(record["inputs"][0]["path"], "data.h5")
        self.assertRegex(record["inputs"][0]["digest"], r"^[0-9a-f]{16}$")
        self.assertEqual(record["config"]["k"], "4")
        self.assertIn("version", record["pushcart"])
        self.assertRegex(record["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        names = [phase["name"] for phase in record["phases"]]
        for wanted in ("read dataset", "als: users", "als: items", "write model"):
            self.assertIn(wanted, names)
        for phase in record["phases"]:
            self.assertLessEqual(phase["min_seconds"], phase["mean_seconds"] + 1e-9)
            self.assertLessEqual(phase["mean_seconds"], phase["max_seconds"] + 1e-9)
        self.assertEqual(len(record["results"]["training"]["sweeps"]), 10)

    def test_record_of_a_page_names_what_it_was_made_of(self):
        self.run_well(0, "report", "--dataset", "data.h5", "--model", "model.h5", "--lists", "lists", "--output",
                      "recorded.html", "--run-record", "new/folder/page.json")
        record = self.record("new/folder/page.json")
        self.assertEqual([put["path"] for put in record["inputs"]], ["data.h5", "model.h5", "lists/lists.h5"])
        self.assertEqual(record["inputs"][1]["digest"], self.record("model.run.json")["results"]["model"]["digest"])

    def test_rules_that_nothing_follows_are_told(self):
        ended = self.run_well(2, "ingest", "--input", "events.csv", "--columns", SHOP_COLUMNS, "--event", "event:weight=2",
                              "vieww:weight=3", "--output", "ruled.h5")
        warnings = [line for line in ended.err.splitlines() if "--event " in line]
        self.assertEqual(len(warnings), 1, ended.told())
        self.assertIn("--event vieww", warnings[0])

    def on_a_terminal(self, *command, **options):
        """What a run shows on stderr, which is a terminal."""
        screen, terminal = pty.openpty()
        shown = b""
        with subprocess.Popen([PUSHCART, *command], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=terminal,
                              **options) as process:
            os.close(terminal)
            try:
                while part := os.read(screen, 65536):
                    shown += part
            except OSError:  # the other end is closed
                pass
            self.assertEqual(process.wait(60), 0, shown.decode())
        os.close(screen)
        return shown.decode()

    def test_progress_is_a_bar_on_a_terminal_only(self):
        data, model = ["--dataset", "shop.h5"], ["--model", "shop-model.h5"]
        steps = {"writing event files": ["synth", "--users", "1000", "--events", "50000", "--files", "40", "--output", "shop"],
                 "reading": ["ingest", "--input", "shop/events-*.csv", "--columns", "user=user,item=item,time=time",
                             "--hold-out-share", "0.1", "--output", "shop.h5"],
                 "training": ["train", "als", *data, "--k", "32", "--sweeps", "4", "--output", "shop-model.h5"],
                 "write list shards": ["recommend", *data, *model, "--n", "50", "--format", "csv", "jsonl", "--output",
                                       "shop-lists"],
                 "comparing rows": ["similar", *data, "--metric", "llr", "--n", "100", "--output", "shop-near"],
                 "ranking users": ["evaluate", *data, *model, "--at", "1000", "--replicates", "0", "--seen", "never"],
                 "write messages": ["push", *data, "--lists", "shop-lists", "--output", "shop-feed"],
                 "making the page": ["report", *data, *model, "--lists", "shop-lists", "--output", "shop.html"]}
        for what, command in steps.items():
            with self.subTest(verb=command[0]):
                shown = self.on_a_terminal(*command, env=dict(os.environ, **faults(CLOCK_RATE=500)))
                self.assertRegex(shown, r"\r\x1b\[K" + what + r" \[#*\.*\] +\d+ %  \d+ s left")
        for command in steps.values():
            self.assertNotIn("\r", self.run_well(0, *command).err)
        slow = self.run_well(0, *steps["training"], environment=faults(CLOCK_RATE=200000))
        self.assertRegex(slow.err, r"(?m)^\[[0-9:]+\] training: \d+ %, \d+ s left$")

    def test_threads(self):
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "4", "--threads", "2", "--output", "t.h5")
        self.assertEqual(self.record("t.run.json")["threads_per_rank"], 2)

    def test_info_checks_checksums(self):
        for name in ("data.h5", "model.h5", "lists/lists.h5"):
            for ranks in (0, 2):
                self.assertIn("all checksums are right", self.run_well(ranks, "info", name).out)
        self.assertIn("all checksums are right", self.run_well(2, "info", "lists/manifest.json").out)
        self.assertIn("its checksum is right", self.run_well(0, "info", "lists/part-00000.csv").out)
        self.assertEqual(self.run_well(0, "info", "model.run.json", "--json").json()["command"], "train")
        content = bytearray(self.path("model.h5").read_bytes())
        content[len(content) // 2] ^= 0x10
        self.write("flipped.h5", bytes(content))
        self.run_badly(2, BAD_INPUT, ["flipped.h5", "damaged"], "info", "flipped.h5")

    def test_info_on_a_manifest_checks_the_shards(self):
        self.recommend("checked")
        self.recommend("zipped-checked", "--compression", "gzip")
        self.run_well(0, "info", "zipped-checked/manifest.json")
        for name in ("part-00001.csv", "lists.h5"):
            shard = self.path("checked") / name
            whole = shard.read_bytes()
            shard.write_bytes(whole.replace(b"C0", b"D0", 1))
            for ranks in (0, 2):
                self.run_badly(ranks, BAD_INPUT, [name, "damaged"], "info", "checked/manifest.json")
            shard.write_bytes(whole[:-1])
            self.run_badly(0, BAD_INPUT, name, "info", "checked/manifest.json")
            shard.write_bytes(whole)
        self.path("checked/part-00000.csv").unlink()
        self.run_badly(2, STORAGE, "part-00000.csv", "info", "checked/manifest.json")

    def test_over_the_memory_budget(self):
        for ranks in (0, 2):
            for verb, options in [("synth", []),
                                  ("ingest", ["--input", "events.csv", "--columns", SHOP_COLUMNS]),
                                  ("train", ["als", "--dataset", "data.h5"]),
                                  ("recommend", ["--dataset", "data.h5", "--model", "model.h5"]),
                                  ("similar", ["--dataset", "data.h5", "--model", "model.h5"]),
                                  ("evaluate", ["--dataset", "data.h5", "--model", "model.h5", "--test", "events.csv",
                                                "--test-columns", "user=Customer ID,item=StockCode"]),
                                  ("push", ["--dataset", "data.h5", "--lists", "lists"]),
                                  ("report", ["--dataset", "data.h5", "--model", "model.h5", "--lists", "lists"]),
                                  ("run", ["--ingest.input", "events.csv", "--ingest.columns", SHOP_COLUMNS])]:
                output = [] if verb == "evaluate" else ["--output", "never" if verb != "run" else "over-budget"]
                ended = self.run_badly(ranks, USAGE, ["--memory-per-rank", "10.0 KiB"], verb, *options,
                                       "--memory-per-rank", "10KiB", *output)
                self.assertRegex(ended.complaints()[0], r"need [0-9.]+ [KM]iB")
        self.assertFalse(self.path("never").exists())
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--memory-per-rank", "2GiB", "--output", "fits.h5")

    def test_lists_for_chosen_users_and_items(self):
        everyone = lists_of(self.path("lists"))
        self.write("users.txt", "10003\n10040\nstranger\n10003\n")
        some = self.recommend("some", "--users", "users.txt")
        self.assertEqual(set(some), {"10003", "10040", "stranger"})
        self.assertEqual(some["10003"], everyone["10003"])
        self.assertEqual(some["10040"], everyone["10040"])
        self.assertEqual({row[4] for row in some["stranger"]}, {"popular"})
        self.assertEqual(len(some["stranger"]), 5)

        first = everyone["10003"][0][1]
        self.write("out.txt", first + "\n")
        without = self.recommend("without", "--exclude-items", "out.txt")
        self.assertFalse(any(row[1] == first for rows in without.values() for row in rows))
        self.assertEqual([row[1] for row in without["10003"]][:4], [row[1] for row in everyone["10003"]][1:])

        allowed = [f"C{item:03}" for item in range(0, 40, 2)]
        self.write("in.txt", "\n".join(allowed) + "\n")
        only = self.recommend("only", "--include-items", "in.txt")
        self.assertTrue(all(row[1] in allowed for rows in only.values() for row in rows))
        self.write("none.txt", "no such item\n")
        self.run_badly(2, BAD_INPUT, "none.txt", "recommend", "--dataset", "data.h5", "--model", "model.h5",
                       "--include-items", "none.txt", "--output", "never")

    def test_seen_items(self):
        history = self.history()
        hidden = lists_of(self.path("lists"))
        for user, rows in hidden.items():
            self.assertFalse(history[user] & {row[1] for row in rows})
        shown = self.recommend("shown", "--seen", "never")
        self.assertTrue(all(history[user] & {row[1] for row in rows} for user, rows in shown.items()))
        typed = self.recommend("typed", "--seen", "never", "event=always")
        self.assertEqual(typed, hidden)
        self.assertEqual(self.recommend("long", "--seen", "10000"), hidden)
        window = self.recommend("window", "--seen", "5")
        again = sum(len(history[user] & {row[1] for row in rows}) for user, rows in window.items())
        self.assertGreater(again, 0)
        self.run_badly(0, USAGE, "--seen", "recommend", "--dataset", "data.h5", "--model", "model.h5", "--seen",
                       "sometimes", "--output", "never")

    def test_lists_longer_than_the_catalogue(self):
        long = lists_of(self.path("lists"))
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "1000000000",
                      "--memory-per-rank", "64MiB", "--output", "long")  # planned and held: 40 items a user
        long = lists_of(self.path("long"))
        self.assertEqual({len(rows) for rows in long.values()}, {30})  # 40 items, 10 of them seen

    def test_other_list_formats(self):
        plain = lists_of(self.path("lists"))
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "5", "--format", "jsonl",
                      "--output", "json-lists")
        rows = [json.loads(line) for shard in sorted(self.path("json-lists").glob("part-*.jsonl"))
                for line in shard.read_text().splitlines()]
        self.assertEqual({row["user"] for row in rows}, set(plain))
        self.assertFalse(list(self.path("json-lists").glob("*.csv")))
        self.recommend("zipped", "--compression", "gzip")
        self.assertEqual(len(list(self.path("zipped").glob("part-*.csv.gz"))), 2)

    def test_similar_items(self):
        self.run_well(2, "similar", "--dataset", "data.h5", "--model", "model.h5", "--n", "4", "--output", "similar")
        with open(self.path("similar/part-00000.csv"), newline="") as file:
            header = next(csv.reader(file))
        self.assertEqual(header, ["item", "rank", "similar", "name", "score", "source"])
        neighbours = {}
        for shard in self.path("similar").glob("part-*.csv"):
            with open(shard, newline="") as file:
                for row in csv.DictReader(file):
                    neighbours.setdefault(row["item"], []).append(row["similar"])
        self.assertEqual(len(neighbours), 40)
        same_half = [(int(item[1:]) < 20) == (int(other[1:]) < 20) for item in neighbours for other in neighbours[item]]
        self.assertEqual(len(same_half), 160)
        self.assertGreater(sum(same_half), 0.9 * len(same_half))

    def test_push_with_a_channel(self):
        self.write("channel.txt", "# mail\ntitle: For you, {user}\nbody:\n{name1} ({item1})\nand more: {items}\n")
        for ranks in (0, 2):
            self.run_well(ranks, "push", "--dataset", "data.h5", "--lists", "lists", "--campaign", "may", "--generated",
                          "2024-06-01T08:00:00Z", "--expires-hours", "48", "--batch-size", "25", "--channel",
                          "channel.txt", "--max-items", "3", "--output", f"feed{ranks}")
        self.assertEqual(*[[batch.read_text() for batch in sorted(self.path(f"feed{ranks}").glob("batch-*"))]
                           for ranks in (0, 2)])
        batches = sorted(self.path("feed2").glob("batch-*.jsonl"))
        messages = [[json.loads(line) for line in batch.read_text().splitlines()] for batch in batches]
        self.assertEqual([len(batch) for batch in messages], [25, 25, 10])
        lists = lists_of(self.path("lists"))
        model = self.record("model.run.json")["results"]["model"]["digest"]
        for message in (message for batch in messages for message in batch):
            rows = lists[message["user"]]
            self.assertEqual([(entry["id"], entry["name"], entry["slot"]) for entry in message["items"]],
                             [(row[1], row[2], row[0]) for row in rows[:3]])
            self.assertEqual(message["campaign"], "may")
            self.assertEqual(message["generated"], "2024-06-01T08:00:00Z")
            self.assertEqual(message["expires"], "2024-06-03T08:00:00Z")
            self.assertEqual(message["model"], model)
            self.assertEqual(message["title"], f"For you, {message['user']}")
            self.assertEqual(message["body"], f"{rows[0][2]} ({rows[0][1]})\nand more: "
                             + ", ".join(row[2] for row in rows[:3]))
        self.write("typo.txt", "title: Hello {usr}\n")
        self.run_badly(2, USAGE, ["typo.txt:1", "{usr}", "{user}"], "push", "--dataset", "data.h5", "--lists", "lists",
                       "--channel", "typo.txt", "--output", "never")

    def test_report_page(self):
        self.run_well(2, "report", "--dataset", "data.h5", "--model", "model.h5", "--lists", "lists", "--title",
                      "May & more", "--output", "page.html")
        page = self.path("page.html").read_text()
        self.assertIn("May &amp; more", page)
        self.assertIn("10003", page)
        self.assertNotRegex(page, r'(src|href)="https?://')


class Popularity(PipelineTest):
    def test_half_life(self):
        """Ten users bought x long ago, six bought y lately: with a half-life y leads, without it x."""
        lines = ["user,item,time"] + [f"a{n},x,2024-01-01" for n in range(10)] + [f"b{n},y,2024-05-01" for n in range(6)]
        self.write("events.csv", "\n".join(lines) + "\n")
        self.run_well(0, "ingest", "--input", "events.csv", "--columns", "user=user,item=item,time=time", "--output",
                      "data.h5")
        for half_life, measure, expected in [("0", "users", [("x", 10), ("y", 6)]), ("30", "users", [("y", 6), ("x", 0.61)]),
                                             ("30", "strength", [("y", 6), ("x", 0.61)])]:
            self.run_well(2, "train", "popular", "--dataset", "data.h5", "--popular-half-life-days", half_life, "--measure",
                          measure, "--output", "model.h5")
            self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--seen", "never", "--output",
                          "lists")
            scores = [(row[1], round(row[3], 2)) for row in lists_of(self.path("lists"))["a0"]]
            self.assertEqual(scores, expected)


class WholeFlow(PipelineTest):
    def test_run_from_one_file(self):
        self.write("events.csv", shop_csv())
        self.write("channel.txt", "title: {name1}\n")
        self.write("job.toml", "\n".join([
            "[run]", 'output = "out"', 'title = "Cups"', "similar_n = 3", "[ingest]", 'input = "events.csv"',
            'columns = {user = "Customer ID", item = "StockCode", time = "InvoiceDate", quantity = "Quantity", '
            'price = "Price", name = "Description"}', "hold-out-days = 4", "[train]", 'family = "als"', "k = 8",
            "[evaluate]", "at = [5, 10]", "[recommend]", "n = 5", "[push]", 'campaign = "may"', "batch-size = 40",
            'channel = "channel.txt"', "[features]", "windows = [1, 4]", ""]))
        digests = []
        for ranks in (0, 2):
            ended = self.run_well(ranks, "run", "--config", "job.toml", "--make-features", "--output", f"out{ranks}")
            folder = f"out{ranks}"
            for name in ("data.h5", "model.h5", "lists/manifest.json", "lists/lists.h5", "lists/part-00000.csv",
                         "similar/part-00000.csv", "feed/batch-000001.jsonl", "feed/manifest.json", "report.html",
                         "features.h5", "run.json", "rejects.csv.gz"):
                self.assertTrue(self.path(f"{folder}/{name}").exists(), f"{name} is missing" + ended.told())
            self.assert_nothing_partial()
            results = self.record(f"{folder}/run.json")["results"]
            self.assertLess(results["evaluation"]["baseline"]["recall@5"]["value"],
                            results["evaluation"]["recall@5"]["value"])
            digests.append({name: results[name]["digest"] for name in ("dataset", "model", "lists", "similar")})
            self.assertEqual(results["model"]["digest"],
                             self.run_well(0, "info", f"{folder}/model.h5", "--json").json()["digest"])
            for word in ("cleaning", "rows read", "recall@10", "popular", 'Cup "'):
                self.assertIn(word, ended.out)
            page = self.path(f"{folder}/report.html").read_text()
            self.assertIn("<title>Cups</title>", page)
            self.assertIn("<td>days_since_last</td>", page)
            self.run_well(ranks, "features", "--dataset", f"{folder}/data.h5", "--input", "events.csv", "--windows", "1,4",
                          "--output", f"alone{ranks}.h5")
            self.assertEqual(results["features"]["features"]["digest"],
                             self.run_well(0, "info", f"alone{ranks}.h5", "--json").json()["digest"])
            self.assertEqual([path["path"] for path in self.record(f"{folder}/run.json")["inputs"]], ["events.csv"])
            self.assertEqual({len(rows) for rows in lists_of(self.path(f"{folder}/lists")).values()}, {5})
        self.assertEqual(*digests)

    def test_more_ranks_than_users_and_items(self):
        self.write("tiny.csv", "user,item,time\na,x,2024-05-01\na,y,2024-05-02\nb,x,2024-05-03\n")
        digests = []
        for ranks in (1, 7):
            self.run_well(ranks, "ingest", "--input", "tiny.csv", "--columns", "user=user,item=item,time=time",
                          "--output", "data.h5")
            self.run_well(ranks, "train", "als", "--dataset", "data.h5", "--k", "4", "--output", "model.h5")
            self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "3", "--output",
                          "lists")
            self.run_well(ranks, "similar", "--dataset", "data.h5", "--model", "model.h5", "--output", "similar")
            self.run_well(ranks, "push", "--dataset", "data.h5", "--lists", "lists", "--generated",
                          "2024-06-01", "--output", "feed")
            lists = lists_of(self.path("lists"))
            self.assertEqual([row[1] for row in lists["b"]], ["y"])
            self.assertNotIn("a", lists)
            digests.append([self.record(name)["results"][part]["digest"]
                            for name, part in [("data.run.json", "dataset"), ("model.run.json", "model"),
                                               ("lists/run.json", "lists"), ("similar/run.json", "lists"),
                                               ("feed/run.json", "push")]])
        self.assertEqual(*digests)


if __name__ == "__main__":
    unittest.main()
