"""Input that is missing, damaged, foreign or senseless: the documented exit code, one clear line, no hang, and
earlier outputs untouched, on one rank and on three."""

import gzip
import json
import os
import pathlib
import random
import subprocess
import time
import unittest

from support import BAD_INPUT, NUMERICAL, STORAGE, USAGE, PipelineTest, SharedFolderTest, lists_of

RANKS = (0, 3)  # 0: without mpirun
COLUMNS = "user=user,item=item,time=time"
MEGABYTE = 1 << 20


def small_log(seed=1, num_users=40, num_items=30):
    draw = random.Random(seed)
    lines = ["user,item,time"]
    for user in range(num_users):
        for item in draw.sample(range(num_items), 8):
            lines.append(f"u{user},i{item},2024-05-{1 + draw.randrange(28):02}T10:00:00Z")
    return "\n".join(lines) + "\n"


class BadInputTest(SharedFolderTest):
    """Earlier outputs lie in the folder: data.h5, rejects.csv.gz, model.h5, lists."""

    def fill(self):
        self.write("good.csv", small_log())
        self.run_well(0, "ingest", "--input", "good.csv", "--columns", COLUMNS, "--output", "data.h5")
        self.run_well(0, "train", "als", "--dataset", "data.h5", "--k", "8", "--output", "model.h5")
        self.run_well(0, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "5", "--output", "lists")

    def outputs(self):
        return self.digests("data.h5", "data.run.json", "rejects.csv.gz", "model.h5", "model.run.json", "lists")

    def refuse(self, ranks, code, words, *arguments, **options):
        """The command fails as documented and leaves the earlier outputs as they were."""
        before = self.outputs()
        ended = self.run_badly(ranks, code, words, *arguments, **options)
        self.assertEqual(self.outputs(), before, "earlier outputs have changed" + ended.told())
        self.assert_nothing_partial()
        return ended

    def refuse_everywhere(self, code, words, *arguments):
        """The same on every number of ranks, at the same time: for commands that fail before they write."""
        before = self.outputs()
        jobs = [self.start(ranks, *[str(argument).replace("RANKS", str(ranks)) for argument in arguments])
                for ranks in RANKS]
        for ended in [job.wait(60) for job in jobs]:
            self.assert_refused(ended, code, words)
        self.assertEqual(self.outputs(), before, f"earlier outputs have changed: {arguments}")
        self.assert_nothing_partial()

    def refuse_log(self, code, words, name, columns=COLUMNS, more=()):
        self.refuse_everywhere(code, words, "ingest", "--input", name, "--columns", columns, "--output", "data.h5",
                               "--rejects", "rejectsRANKS.csv.gz", *more)

    def cleaning(self, name, columns=COLUMNS, more=(), ranks=3):
        self.run_well(ranks, "ingest", "--input", name, "--columns", columns, "--output", "other.h5", *more)
        return self.record("other.run.json")["results"]["cleaning"]


class BadLogs(BadInputTest):
    def test_missing(self):
        self.refuse_log(STORAGE, "no-such.csv", "no-such.csv")
        self.refuse_log(STORAGE, "no-such-*.csv", "no-such-*.csv")

    def test_unreadable(self):
        self.path("folder.csv").mkdir(exist_ok=True)
        self.refuse_log(STORAGE, "folder.csv", "folder.csv")
        if not self.path("dangling.csv").is_symlink():
            self.path("dangling.csv").symlink_to("nowhere")
        self.refuse_log(STORAGE, "dangling.csv", "dangling.csv")

    def test_empty(self):
        self.write("empty.csv", "")
        self.refuse_log(BAD_INPUT, "empty.csv", "empty.csv")
        self.refuse_log(BAD_INPUT, "empty.csv", "empty.csv", columns="user=0,item=1")
        self.write("header-only.csv", "user,item,time\n")
        self.refuse_log(BAD_INPUT, "header-only.csv", "header-only.csv")
        self.write("empty.csv.gz", "")
        self.refuse_log(BAD_INPUT, "empty.csv.gz", "empty.csv.gz")
        self.write_gz("nothing.csv.gz", "")
        self.refuse_log(BAD_INPUT, "nothing.csv.gz", "nothing.csv.gz")

    def test_garbage(self):
        garbage = random.Random(2).randbytes(200_000)
        self.write("garbage.csv", garbage)
        self.refuse_log(BAD_INPUT, "--max-rejects", "garbage.csv", columns="user=0,item=1,time=2")
        self.refuse_log(BAD_INPUT, "garbage.csv: the header line", "garbage.csv")
        self.write("garbage.csv.gz", b"\x1f\x8b" + garbage)
        self.refuse_log(BAD_INPUT, "garbage.csv.gz", "garbage.csv.gz")
        self.write("garbage.jsonl", garbage)
        self.refuse_log(BAD_INPUT, "--max-rejects", "garbage.jsonl", more=["--format", "jsonl"])
        self.write("garbage.zst", b"\x28\xb5\x2f\xfd" + garbage)
        self.refuse_log(BAD_INPUT, "garbage.zst", "garbage.zst")

    def test_truncated_archive(self):
        whole = gzip.compress(small_log(num_users=400).encode(), mtime=0)
        for kept in (len(whole) // 2, len(whole) - 3):
            self.write("cut.csv.gz", whole[:kept])
            self.refuse_log(BAD_INPUT, "cut.csv.gz", "cut.csv.gz")
        flipped = bytearray(whole)
        flipped[len(flipped) // 2] ^= 1
        self.write("flipped.csv.gz", bytes(flipped))
        self.refuse_log(BAD_INPUT, "flipped.csv.gz", "flipped.csv.gz")

    def test_line_of_a_gigabyte(self):
        """Counted as one bad line, in bounded memory, plain and compressed."""
        log = small_log().encode()
        with open(self.path("long.csv"), "wb") as file:
            file.write(log)
            file.seek(1 << 30, os.SEEK_CUR)
            file.write(b"\n" + log.split(b"\n", 1)[1].replace(b"u", b"v"))
        zeros = gzip.compress(bytes(16 * MEGABYTE), 6)
        self.write("long.csv.gz", gzip.compress(log) + zeros * 64
                   + gzip.compress(b"\n" + log.split(b"\n", 1)[1].replace(b"u", b"v")))
        for name in ("long.csv", "long.csv.gz"):
            for ranks in RANKS:
                ended = self.run_well(ranks, "ingest", "--input", name, "--columns", COLUMNS, "--output", "other.h5")
                cleaning = self.record("other.run.json")["results"]["cleaning"]
                self.assertEqual(cleaning["unparseable"], {"too_long": 1}, name)
                self.assertEqual((cleaning["rows_kept"], cleaning["users"]), (640, 80), name)
                self.assertLess(ended.peak_bytes, 600 * MEGABYTE, f"{name} on {ranks} ranks")
        with open(self.path("only-long.csv"), "wb") as file:
            file.truncate(1 << 30)
        for ranks in RANKS:
            ended = self.refuse(ranks, BAD_INPUT, "too_long", "ingest", "--input", "only-long.csv", "--columns",
                                "user=0,item=1", "--output", "data.h5")
            self.assertLess(ended.peak_bytes, 600 * MEGABYTE)
            self.refuse(ranks, BAD_INPUT, ["header", "--max-line-bytes"], "ingest", "--input", "only-long.csv",
                        "--columns", COLUMNS, "--output", "data.h5")

    def test_wrong_column(self):
        self.refuse_log(USAGE, ["good.csv", "--columns", "itm", "'item'"], "good.csv", columns="user=user,item=itm")
        self.refuse_log(USAGE, ["--columns", "7"], "good.csv", columns="user=user,item=7")
        self.refuse_log(USAGE, ["--columns", "itme", "'item'"], "good.csv", columns="user=user,itme=item")

    def test_odd_ids(self):
        """Quotes, commas, control bytes and markup are kept as they are, to the last list; NUL, broken UTF-8 and ids
        of 10 kB are rejected with a reason."""
        ids = ['"', 'a"b', "a,b", "\x01\x7f", "caf\u00e9", "<b>&amp;</b>", "'; drop table", "{name1}", "x" * 4096]
        refused = [b"nul\x00inside", b"broken\xff\xfe", b"x" * 10_240]
        lines = [b"user,item,time"]
        for n, name in enumerate([name.encode() for name in ids] + refused):
            quoted = b'"' + name.replace(b'"', b'""') + b'"'
            for other in range(4):
                lines.append(b"%b,i%d,2024-05-01" % (quoted, (n + other) % 7))
                lines.append(b"u%d,%b,2024-05-01" % (n + other, quoted))
        self.write("odd.csv", b"\n".join(lines) + b"\n")
        digests = []
        for ranks in RANKS:
            self.run_well(ranks, "ingest", "--input", "odd.csv", "--columns", COLUMNS, "--output", "odd.h5")
            results = self.record("odd.run.json")["results"]
            self.assertEqual(results["cleaning"]["rows_kept"], 8 * len(ids))
            self.assertEqual(results["cleaning"]["unparseable"], {"bad_text": 16, "too_long": 8})
            rejects = gzip.decompress(self.path("rejects.csv.gz").read_bytes()).decode(errors="replace")
            self.assertIn("an id of 10240 bytes, more than 4096 (--max-id-bytes)", rejects)
            self.run_well(ranks, "train", "als", "--dataset", "odd.h5", "--k", "4", "--output", "odd-model.h5")
            self.run_well(ranks, "recommend", "--dataset", "odd.h5", "--model", "odd-model.h5", "--n", "3", "--format",
                          "csv", "jsonl", "--output", "odd-lists")
            self.run_well(ranks, "push", "--dataset", "odd.h5", "--lists", "odd-lists", "--output", "odd-feed")
            self.run_well(ranks, "report", "--dataset", "odd.h5", "--model", "odd-model.h5", "--lists", "odd-lists",
                          "--output", "odd.html")
            digests.append([results["dataset"]["digest"], self.record("odd-lists/run.json")["results"]["lists"]["digest"]])
            lists = lists_of(self.path("odd-lists"))
            in_json = [json.loads(line)["user"] for shard in self.path("odd-lists").glob("part-*.jsonl")
                       for line in shard.read_text(encoding="utf-8").splitlines()]
            messages = [json.loads(line)["user"] for batch in self.path("odd-feed").glob("batch-*.jsonl")
                        for line in batch.read_text(encoding="utf-8").splitlines()]
            for name in ids:
                self.assertIn(name, lists)
                self.assertIn(name, in_json)
                self.assertIn(name, messages)
            self.assertTrue({name for rows in lists.values() for _, name, _, _, _ in rows} & set(ids))
        self.assertEqual(*digests)
        page = self.path("odd.html").read_text(encoding="utf-8")
        self.assertNotIn("<b>&amp;</b>", page)

    def test_names_that_are_no_text(self):
        """Files and settings whose bytes are no UTF-8, as old shops have them."""
        name = os.fsdecode(b"caf\xe9.csv")
        self.write(name, small_log())
        for ranks in RANKS:
            self.run_well(ranks, "ingest", "--input", name, "--columns", COLUMNS, "--output", "latin.h5")
            self.assertEqual([entry["path"] for entry in self.record("latin.run.json")["inputs"]], ["caf\ufffd.csv"])
            self.refuse(ranks, USAGE, "--event-weight", "train", "als", "--dataset", "data.h5", "--event-weight",
                        os.fsdecode(b"\xe9=1"), "--output", "model.h5")

    def test_times_in_the_future(self):
        future = small_log(3, num_users=10).replace("2024", "2924").split("\n", 1)[1]
        self.write("future.csv", small_log() + future)
        cleaning = self.cleaning("future.csv")
        self.assertEqual(cleaning["checks"]["future_time"], {"rows_dropped": 80, "rows_with_fault": 80})
        self.assertEqual(cleaning["rows_kept"], 320)
        self.write("only-future.csv", "user,item,time\n" + future)
        self.refuse_log(BAD_INPUT, "future_time", "only-future.csv")
        kept = self.cleaning("only-future.csv", more=["--now", "3000-01-01"])
        self.assertEqual(kept["rows_kept"], 80)

    def test_ratings_that_are_no_numbers(self):
        lines = small_log().splitlines()[1:]
        rated = [line + "," + ("nan", "NaN", "inf", "-inf", "1e999", "five", "4", "3")[n % 8]
                 for n, line in enumerate(lines)]
        self.write("nan.csv", "\n".join(["user,item,time,rating"] + rated) + "\n")
        columns = COLUMNS + ",rating=rating"
        cleaning = self.cleaning("nan.csv", columns, ["--max-rejects", "off"])
        self.assertEqual(cleaning["unparseable"], {"bad_number": 240})
        self.assertEqual(cleaning["rows_kept"], 80)
        self.refuse_log(BAD_INPUT, ["--max-rejects", "bad_number", "240"], "nan.csv", columns)
        self.refuse_log(BAD_INPUT, "--max-rejects 239", "nan.csv", columns, ["--max-rejects", "239"])

    def test_missing_ids_can_be_refused(self):
        self.write("no-user.csv", small_log() + ",i1,2024-05-01\n")
        self.assertEqual(self.cleaning("no-user.csv")["checks"]["missing_user"]["rows_dropped"], 1)
        self.refuse_log(BAD_INPUT, "--missing-ids", "no-user.csv", more=["--missing-ids", "refuse"])

    def test_bad_side_files(self):
        self.refuse_log(STORAGE, "no-items.csv", "good.csv", more=["--items", "no-items.csv"])
        self.write("items.csv", "code,title\ni1,Cup\n")
        self.refuse_log(USAGE, ["items.csv", "'cod'", "'code'"], "good.csv", more=["--items", "items.csv", "--items-id", "cod"])
        for option in ("--users", "--exclude-items", "--include-items"):
            self.refuse_everywhere(STORAGE, "no-list.txt", "recommend", "--dataset", "data.h5", "--model", "model.h5",
                                   option, "no-list.txt", "--output", "lists")
        self.refuse_everywhere(STORAGE, "no-test.csv", "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--test",
                               "no-test.csv", "--test-columns", "user=0,item=1")
        self.refuse_everywhere(STORAGE, "no.toml", "train", "--config", "no.toml")
        self.refuse_everywhere(STORAGE, "no.txt", "push", "--dataset", "data.h5", "--lists", "lists", "--channel",
                               "no.txt", "--output", "feed")

    def test_nothing_held_out(self):
        self.refuse_everywhere(USAGE, ["--hold-out", "--test"], "evaluate", "--dataset", "data.h5", "--model", "model.h5")


class Rejects(BadInputTest):
    """The rejected rows of the data set that is there stay beside it, whatever a later run ends by."""

    def fill(self):
        super().fill()
        self.write("dirty.csv", small_log() + "no time,i1\nu1,,2024-05-01T00:00:00Z\n")

    def ingest(self, *more):
        return "ingest", "--input", "dirty.csv", "--columns", COLUMNS, "--output", "data.h5", *more

    def lines_of(self, name):
        return gzip.decompress(self.path(name).read_bytes()).decode().splitlines()

    def test_of_a_refused_log_lie_beside(self):
        for ranks in RANKS:
            for words, more in (("--max-rejects 1 ", ["--max-rejects", "1"]), ("--missing-ids", ["--missing-ids", "refuse"])):
                self.path("refused-rejects.csv.gz").unlink(missing_ok=True)
                self.refuse(ranks, BAD_INPUT, [words, "rejected rows are in refused-rejects.csv.gz"], *self.ingest(*more))
                rejected = self.lines_of("refused-rejects.csv.gz")
                self.assertEqual([line.split(",")[1] for line in rejected], ["line", "322", "323"])
            self.refuse(ranks, BAD_INPUT, "deep/refused-mine.gz",
                        *self.ingest("--max-rejects", "1", "--rejects", "deep/mine.gz"))
            self.assertFalse(self.path("deep/mine.gz").exists())

    def test_of_a_run_that_fails_later_are_not_kept(self):
        self.path("refused-rejects.csv.gz").unlink(missing_ok=True)
        self.write("items.csv", "code,title\ni1,Cup\n")
        for ranks in RANKS:
            self.refuse(ranks, BAD_INPUT, "core of 99", *self.ingest("--core-users", "99"))
            self.refuse(ranks, USAGE, "items.csv", *self.ingest("--items", "items.csv", "--items-id", "cod"))
            self.refuse(ranks, STORAGE, "no-items.csv", *self.ingest("--items", "no-items.csv"))
            self.assertFalse(self.path("refused-rejects.csv.gz").exists())

    def test_of_a_run_that_succeeds_replace_them(self):
        before = self.outputs()
        for name in ("data.h5", "rejects.csv.gz", "data.run.json"):
            (self.folder / "kept").mkdir(exist_ok=True)
            (self.folder / "kept" / name).write_bytes(self.path(name).read_bytes())
        self.assertEqual(len(self.lines_of("rejects.csv.gz")), 1)
        self.run_well(3, *self.ingest())
        self.assertEqual(len(self.lines_of("rejects.csv.gz")), 3)
        for name in ("data.h5", "rejects.csv.gz", "data.run.json"):
            (self.folder / "kept" / name).rename(self.path(name))
        self.assertEqual(self.outputs(), before)


class WholeRuns(SharedFolderTest):
    """A `run` that fails, at whatever step, leaves all outputs of an earlier one as they were."""

    def fill(self):
        self.write("good.csv", small_log())
        self.write("bad.csv", small_log(seed=2) + "no time,i1\n" * 3)
        self.write("job.toml", "\n".join([
            "[ingest]", 'columns = {user = "user", item = "item", time = "time"}', "hold-out-days = 4", "[train]",
            'family = "als"', "k = 8", "sweeps = 2", ""]))
        self.run_well(0, *self.command("good.csv"))

    @staticmethod
    def command(log, *more):
        return "run", "--config", "job.toml", "--output", "out", "--ingest.input", log, *more

    def test_that_fail_at_any_step(self):
        before = self.digests("out")
        for name in ("data.h5", "data-train.h5", "model.h5", "lists/lists.h5", "lists/manifest.json", "similar/lists.h5",
                     "feed/manifest.json", "report.html", "rejects.csv.gz", "run.json"):
            self.assertIn(str(self.path("out") / name), before)
        failures = [(BAD_INPUT, "--max-rejects", ["--ingest.max-rejects", "2"]),
                    (STORAGE, "no-items.csv", ["--ingest.items", "no-items.csv"]),
                    (USAGE, "--k", ["--train.k", "0"]),
                    (STORAGE, "no-test.csv", ["--evaluate.test", "no-test.csv", "--evaluate.test-columns", "user=0,item=1"]),
                    (STORAGE, "no-list.txt", ["--recommend.exclude-items", "no-list.txt"]),
                    (STORAGE, "no-channel.txt", ["--push.channel", "no-channel.txt"]),
                    (USAGE, "--page-users", ["--page-users", "-1"])]
        for code, words, more in failures:
            for ranks in RANKS:
                with self.subTest(options=more, ranks=ranks):
                    self.run_badly(ranks, code, words, *self.command("bad.csv", *more))
                    self.path("out/refused-rejects.csv.gz").unlink(missing_ok=True)
                    self.assertEqual(self.digests("out"), before)
                    self.assert_nothing_partial()


class DamagedFiles(BadInputTest):
    """HDF5 files that are damaged, cut, foreign, or not of this data set."""

    def refuse_dataset(self, code, words, dataset):
        self.refuse_everywhere(code, words, "train", "als", "--dataset", dataset, "--k", "8", "--output", "model.h5")

    def test_missing_and_unreadable(self):
        self.refuse_dataset(STORAGE, "gone.h5", "gone.h5")
        self.refuse_dataset(STORAGE, "is a folder", "lists")
        self.refuse_everywhere(STORAGE, "gone.h5", "recommend", "--dataset", "data.h5", "--model", "gone.h5", "--output",
                               "lists")
        self.refuse_everywhere(STORAGE, "gone", "push", "--dataset", "data.h5", "--lists", "gone", "--output", "feed")

    def test_flipped_bits(self):
        """Wherever a bit is flipped, the file is refused as damaged."""
        whole = self.path("data.h5").read_bytes()
        draw = random.Random(4)
        for _ in range(12):
            flipped = bytearray(whole)
            flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
            self.write("flipped.h5", bytes(flipped))
            self.refuse_dataset(BAD_INPUT, "flipped.h5", "flipped.h5")

    def test_cut_short(self):
        whole = self.path("data.h5").read_bytes()
        for kept in (0, 7, 100, len(whole) // 2, len(whole) - 1):
            self.write("cut.h5", whole[:kept])
            self.refuse_dataset(BAD_INPUT, "cut.h5", "cut.h5")

    def test_foreign(self):
        whole = self.path("data.h5").read_bytes()
        self.assertIn(b"pushcart_kind", whole)
        self.write("foreign.h5", whole.replace(b"pushcart_kind", b"somebody_else"))
        self.write("text.h5", "no HDF5 at all\n")
        self.write("head.h5", b"\x89HDF\r\n\x1a\n" + random.Random(5).randbytes(5000))
        for name in ("foreign.h5", "text.h5", "head.h5"):
            self.refuse_dataset(BAD_INPUT, name, name)
            self.refuse_everywhere(BAD_INPUT, name, "info", name)

    def test_of_another_kind(self):
        self.refuse_dataset(BAD_INPUT, ["model.h5", "'dataset'"], "model.h5")
        self.refuse_everywhere(BAD_INPUT, ["data.h5", "'model'"], "recommend", "--dataset", "data.h5", "--model",
                               "data.h5", "--output", "lists")

    def test_of_another_dataset(self):
        self.write("another.csv", small_log(seed=9))
        self.run_well(0, "ingest", "--input", "another.csv", "--columns", COLUMNS, "--output", "another.h5")
        self.refuse_everywhere(BAD_INPUT, "model.h5", "recommend", "--dataset", "another.h5", "--model", "model.h5",
                               "--output", "lists")
        self.refuse_everywhere(BAD_INPUT, "model.h5", "similar", "--dataset", "another.h5", "--model", "model.h5",
                               "--output", "similar")
        self.refuse_everywhere(BAD_INPUT, "model.h5", "evaluate", "--dataset", "another.h5", "--model", "model.h5",
                               "--test", "good.csv", "--test-columns", COLUMNS)
        self.refuse_everywhere(BAD_INPUT, "lists.h5", "push", "--dataset", "another.h5", "--lists", "lists", "--output",
                               "feed")

    def test_no_solution_in_numbers(self):
        """More factors than items without regularization; ratings beyond what the numbers hold."""
        self.write("huge.csv", "user,item,rating\n" + "".join(
            f"u{user},i{item},{'3e38' if (user, item) == (7, 5) else 4}\n" for user in range(20) for item in range(10)))
        self.run_well(0, "ingest", "--input", "huge.csv", "--columns", "user=user,item=item,rating=rating", "--output",
                      "huge.h5")
        self.refuse_everywhere(NUMERICAL, "--lambda", "train", "als", "--dataset", "data.h5", "--k", "64", "--alpha0",
                               "0.1", "--lambda", "0", "--output", "model.h5")
        self.refuse_everywhere(USAGE, "--lambda", "train", "als", "--dataset", "data.h5", "--preset", "none", "--alpha0",
                               "0", "--lambda", "0", "--output", "model.h5")
        self.refuse_everywhere(NUMERICAL, "--lambda", "train", "als", "--dataset", "huge.h5", "--k", "4", "--output",
                               "model.h5")


class BadOutputs(BadInputTest):
    def test_missing_folders_are_made(self):
        for ranks in RANKS:
            folder = f"new{ranks}/deep"
            self.run_well(ranks, "ingest", "--input", "good.csv", "--columns", COLUMNS, "--output", f"{folder}/data.h5")
            self.run_well(ranks, "train", "als", "--dataset", "data.h5", "--k", "4", "--output", f"{folder}/er/model.h5")
            self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--output", f"{folder}/a/lists")

    def test_folder_that_cannot_be_made(self):
        for ranks in RANKS:
            self.refuse(ranks, STORAGE, "good.csv", "ingest", "--input", "good.csv", "--columns", COLUMNS, "--output",
                        "good.csv/data.h5", "--rejects", "rejects.csv.gz")
            self.refuse(ranks, STORAGE, "good.csv", "ingest", "--input", "good.csv", "--columns", COLUMNS, "--output",
                        "good.csv/data.h5")
            self.refuse(ranks, STORAGE, "good.csv", "train", "als", "--dataset", "data.h5", "--output", "good.csv/model.h5")

    def test_something_else_lies_there(self):
        for ranks in RANKS:
            self.refuse(ranks, STORAGE, "lists", "train", "als", "--dataset", "data.h5", "--output", "lists")
            self.refuse(ranks, STORAGE, "good.csv", "recommend", "--dataset", "data.h5", "--model", "model.h5",
                        "--output", "good.csv")
            self.refuse(ranks, STORAGE, "good.csv", "synth", "--users", "10", "--items", "10", "--events", "100",
                        "--output", "good.csv")


class FullDisk(PipelineTest):
    """Outputs on a file system of their own that fills up, at once or in the middle."""

    def setUp(self):
        super().setUp()
        self.path("disk").mkdir()
        self.mount("size=16m")
        self.addCleanup(subprocess.run, ["umount", str(self.path("disk"))], check=False)
        self.write("log.csv", small_log(num_users=3000, num_items=200))
        self.write("new.csv", small_log(num_users=3000, num_items=200, seed=2))

    def mount(self, options):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.path("disk"))],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode:
            self.skipTest("no file system can be mounted here (that needs root): " + mounted.stderr.strip())

    def is_in_use(self):
        """Whether a process has a file of the disk open, though it may be deleted: its space comes back when that ends."""
        for link in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if os.readlink(link).startswith(str(self.path("disk")) + "/"):
                    return True
            except OSError:
                pass
        return False

    def fill_up_to(self, num_bytes):
        """Leaves this many bytes free, when the last ranks of an aborted job have gone, too."""
        deadline = time.monotonic() + 30
        while self.is_in_use():
            self.assertLess(time.monotonic(), deadline, "a process of an earlier job is still there")
            time.sleep(0.05)
        self.path("disk/ballast").unlink(missing_ok=True)
        free = os.statvfs(self.path("disk"))
        self.write("disk/ballast", bytes(max(0, free.f_bavail * free.f_frsize - num_bytes)))

    def commands(self):
        return {"data.h5": ["ingest", "--input", "new.csv", "--columns", COLUMNS, "--output", "disk/data.h5"],
                "model.h5": ["train", "als", "--dataset", "disk/data.h5", "--k", "64", "--sweeps", "1", "--output",
                             "disk/model.h5", "--seed", "2"],
                "lists": ["recommend", "--dataset", "disk/data.h5", "--model", "disk/model.h5", "--n", "20", "--output",
                          "disk/lists", "--seen", "never"],
                "feed": ["push", "--dataset", "disk/data.h5", "--lists", "disk/lists", "--output", "disk/feed"],
                "page.html": ["report", "--dataset", "disk/data.h5", "--model", "disk/model.h5", "--lists", "disk/lists",
                              "--output", "disk/page.html"]}

    def test_no_space(self):
        first = {name: list(command) for name, command in self.commands().items()}
        first["data.h5"][2] = "log.csv"
        for name in ("data.h5", "model.h5", "lists", "feed", "page.html"):
            self.run_well(0, *first[name])
        outputs = [f"disk/{name}" for name in [*first, "rejects.csv.gz", "data.run.json", "model.run.json"]]
        sizes = {name: sum(path.stat().st_size for path in
                           ([self.path(f"disk/{name}")] if self.path(f"disk/{name}").is_file() else
                            self.path(f"disk/{name}").iterdir())) for name in first}
        before = self.digests(*outputs)
        for name, command in self.commands().items():
            for ranks in RANKS:
                for share in (0, 0.4, 0.96):
                    self.fill_up_to(int(share * sizes[name]))
                    with self.subTest(output=name, ranks=ranks, free=share):
                        self.run_badly(ranks, STORAGE, "disk/", *command, timeout=60)
                        self.assertEqual(self.digests(*outputs), before, "earlier outputs have changed")
                        self.assert_nothing_partial()
        self.path("disk/ballast").unlink()
        self.run_well(3, *self.commands()["data.h5"])

    def test_no_space_for_a_whole_run(self):
        def run(log):
            return ("run", "--ingest.input", log, "--ingest.columns", COLUMNS, "--train.family", "als", "--train.k", "16",
                    "--train.sweeps", "1", "--output", "disk/out")
        self.run_well(0, *run("log.csv"))
        before = self.digests("disk/out")
        size = sum(path.stat().st_size for path in self.path("disk/out").rglob("*") if path.is_file())
        for share in (0.3, 0.6, 0.9):
            self.fill_up_to(int(share * size))
            with self.subTest(free=share):
                self.run_badly(2, STORAGE, "disk/out", *run("new.csv"), timeout=60)
                self.assertEqual(self.digests("disk/out"), before)
                self.assert_nothing_partial()

    def test_no_file_can_be_made(self):
        self.run_well(0, "ingest", "--input", "log.csv", "--columns", COLUMNS, "--output", "disk/data.h5")
        before = self.digests("disk")
        self.mount("remount,ro,size=16m")
        for ranks in RANKS:
            self.run_badly(ranks, STORAGE, "disk/", *self.commands()["data.h5"])
            self.run_badly(ranks, STORAGE, "disk/model.h5", *self.commands()["model.h5"])
        self.assertEqual(self.digests("disk"), before)


if __name__ == "__main__":
    unittest.main()
