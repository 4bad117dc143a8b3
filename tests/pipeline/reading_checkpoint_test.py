"""The whole flow and a night that are stopped while they read their log go on from what was parsed, on any number of
ranks, to the bits of one go."""

import gzip
import os
import re
import shutil
import signal
import time
import unittest

from support import DONE, STOPPED, USAGE, SharedFolderTest, faults

COLUMNS = "user=user,item=item,type=type,time=time"


def rows_told(*ended):
    """Of all checkpoints of the reading that these runs say they wrote."""
    return sum(int(rows) for one in ended for rows in re.findall(r"checkpoint of (\d+) rows", one.err))


class ReadingTest(SharedFolderTest):
    """Work that begins with reading a log of four files, one of them compressed."""

    def make_log(self):
        self.run_well(0, "synth", "--users", 300, "--items", 100, "--events", 4000, "--files", 4, "--seed", 5, "--output", "log")
        first = sorted(self.path("log").glob("events-*.csv"))[0]
        self.write_gz(f"log/{first.name}.gz", first.read_bytes())
        first.unlink()

    def digest(self, path):
        return self.run_well(0, "info", path, "--json").json()["digest"]

    def rejects(self, path):
        return gzip.decompress(self.path(path).read_bytes())

    def parts(self, folder):
        return sorted(path.name for path in self.path(folder).glob("*.h5"))

    def start_and_wait(self, ranks, command, folder, parts):
        job = self.start(ranks, *command)
        deadline = time.monotonic() + 30
        while len(self.parts(folder)) < parts and time.monotonic() < deadline:
            time.sleep(0.002)
        return job


class TheWholeFlow(ReadingTest):
    def fill(self):
        self.make_log()
        self.run_well(2, *self.command("whole"))

    @staticmethod
    def command(output, *more):
        return ["run", "--ingest.input", "log/events-*.csv*", "--ingest.columns", COLUMNS, "--ingest.hold-out-days", 7,
                "--train.k", 4, "--train.sweeps", 2, "--no-push", "--output", output, *more]

    def short(self, output, rows=150):
        """Stops after a round of so many rows a rank."""
        return self.command(output, "--ingest.checkpoint-every", f"{rows}rows", "--max-hours", 1e-9)

    def assert_whole(self, output):
        for name in ("data.h5", "data-train.h5", "model.h5", "lists/lists.h5"):
            self.assertEqual(self.digest(f"{output}/{name}"), self.digest(f"whole/{name}"))
        self.assertEqual(self.rejects(f"{output}/rejects.csv.gz"), self.rejects("whole/rejects.csv.gz"))
        self.assertEqual(list(self.path(output).glob("*.checkpoint")), [], "checkpoints go after success")
        self.assert_nothing_partial()

    def test_stopped_on_other_ranks_each_time(self):
        stopped = []
        for ranks in (2, 3, 0):
            ended = self.run_program(ranks, *self.short("stopped"))
            self.assert_refused(ended, STOPPED, ["its time is nearly over", "still to be parsed", "stopped/ingest.checkpoint"])
            if stopped:
                self.assertIn(f"going on after {rows_told(*stopped)} rows", ended.err)
            stopped.append(ended)
            self.assertFalse(self.path("stopped/data.h5").exists())
        self.assertEqual(len(self.parts("stopped/ingest.checkpoint")), 3)
        ended = self.run_well(4, *self.command("stopped"))
        self.assertIn(f"going on after {rows_told(*stopped)} rows", ended.err)
        self.assertEqual(self.record("stopped/run.json")["results"]["resumed"],
                         [{"checkpoint": "stopped/ingest.checkpoint", "after_rows": rows_told(*stopped)}])
        self.assert_whole("stopped")

    def test_a_signal_or_a_kill(self):
        for number, code in ((signal.SIGUSR1, STOPPED), (signal.SIGKILL, None)):
            with self.subTest(signal=number):
                job = self.start_and_wait(2, self.command("signal", "--ingest.checkpoint-every", "25rows"), "signal/ingest.checkpoint", 3)
                os.kill(job.ranks()[0], number)
                ended = job.wait(20)
                if code:
                    self.assert_refused(ended, code, ["a signal asked", "still to be parsed"])
                self.assertNotEqual(ended.code, DONE)
                self.assertRegex(self.run_well(3, *self.command("signal")).err, r"going on after \d+ rows")
                self.assert_whole("signal")
                shutil.rmtree(self.path("signal"))

    def test_stopped_in_the_training_nothing_is_parsed_again(self):
        """What is parsed stays until the whole flow is done: 4 of 4 files, wherever it stopped after reading."""
        again = self.command("later", "--ingest.checkpoint-every", "10m", "--checkpoint-every", "1sweep", "--stop-after-sweeps", 1)
        ended = self.assert_refused(self.run_program(2, *again), STOPPED, "stopped after sweep 1 of 2")
        self.assertEqual(ended.err.count("checkpoint of "), 1, "all is written once it is read")
        for ranks, options in ((3, ["--stop-after-sweeps", 1]), (1, [])):
            ended = self.run_program(ranks, *self.command("later", *options))
            self.assertEqual(ended.code, STOPPED if options else DONE, ended.told())
            self.assertRegex(ended.err, r"going on after \d+ rows: 4 of 4 log files\n")
        self.assert_whole("later")

    def test_a_log_that_is_read_at_once_needs_none(self):
        """Neither an interval, of trainings and lists, nor a limit of time stops a log of some seconds or writes at its end."""
        for more in (["--max-hours", 2, "--checkpoint-every", "150rows"], ["--checkpoint-every", "1sweep"], ["--checkpoint-every", "0.001s"]):
            self.assertNotIn("checkpoint of ", self.run_well(2, *self.command("plain", *more)).err)
            self.assert_whole("plain")
        ended = self.run_program(2, *self.command("plain", "--checkpoint-every", "1sweep", "--max-hours", 1e-9))
        self.assert_refused(ended, STOPPED, "stopped after sweep 1 of 2")
        self.assertFalse(self.path("plain/ingest.checkpoint").exists())
        self.run_badly(2, USAGE, "--ingest.checkpoint-every", *self.command("plain", "--ingest.checkpoint-every", "2sweeps"))

    def test_resume_never_parses_everything(self):
        self.assert_refused(self.run_program(2, *self.short("never")), STOPPED, "still to be parsed")
        self.assertNotIn("going on after", self.run_well(2, *self.command("never", "--resume", "never")).err)
        self.assert_whole("never")


class Night(ReadingTest):
    """The version in service is of one of the four log files, whose kept events are there; the night reads the others."""

    OPTIONS = ["--ingest.columns", COLUMNS, "--ingest.hold-out-days", 7, "--train.k", 4, "--train.sweeps", 2, "--min-over-popular", -1,
               "--max-worse", 1, "--max-drift", 1e9, "--min-test-users", 1, "--max-bad-share", 1, "--max-duplicate-share", 1, "--max-churn", 1,
               "--max-coverage-drop", 1, "--min-new-events", 0, "--evaluate.replicates", 20, "--now", "2026-01-01T00:00:00Z"]
    KEPT = "store/kept-events"

    def fill(self):
        self.make_log()
        self.names = sorted(path.name for path in self.path("log").glob("events-*"))
        self.path("logs").mkdir()
        self.bring(self.names[1:2])
        self.run_well(2, *self.command())
        shutil.copytree(self.path("store"), self.path("before"), symlinks=True)
        self.bring(self.names)
        self.run_well(3, *self.command())
        self.whole = self.made_bits()

    def bring(self, names):
        for name in names:
            shutil.copyfile(self.path("log") / name, self.path("logs") / name)

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.path("store"), ignore_errors=True)
        shutil.copytree(self.path("before"), self.path("store"), symlinks=True)
        self.served = os.readlink(self.path("store/current"))

    def command(self, *more):
        return ["retrain", "--ingest.input", "logs/events-*.csv*", "--store", "store", *self.OPTIONS, *more]

    def short(self, rows=150):
        return self.command("--ingest.checkpoint-every", f"{rows}rows", "--max-hours", 1e-9)

    def made_bits(self):
        night = self.record("store/current/night.json")
        return night["digests"], night["log"], night["new_files"], self.rejects("store/rejects.csv.gz")

    def kept_record(self):
        return self.record("store/current/run.json")["results"]["kept_events"]

    def assert_whole(self):
        self.assertNotEqual(os.readlink(self.path("store/current")), self.served)
        self.assertEqual(self.made_bits(), self.made.whole)
        self.assert_nothing_partial("store")
        self.assertFalse(self.path("store/stopped.json").exists())
        for path in self.path(self.KEPT).iterdir():
            self.assertFalse(self.is_part(path), f"{path} is left")

    def is_part(self, path):
        return b"pushcart part of logs:" in path.read_bytes()

    def assert_untouched(self):
        self.assertEqual(os.readlink(self.path("store/current")), self.served)
        self.assertEqual(self.digests(f"store/{self.served}"),
                         {path.replace("/before/", "/store/"): digest for path, digest in self.digests(f"before/{self.served}").items()})

    def test_stopped_on_other_ranks_each_time(self):
        stopped = []
        for ranks in (2, 3, 0):
            ended = self.run_program(ranks, *self.short())
            self.assert_refused(ended, STOPPED, ["its time is nearly over", "still to be parsed", self.KEPT])
            if stopped:
                self.assertIn(f"going on after {rows_told(*stopped)} rows", ended.err)
            stopped.append(ended)
            self.assert_untouched()
            self.assertTrue(self.path("store/stopped.json").is_file())
            self.assert_nothing_partial("store")
        parts = [path for path in self.path(self.KEPT).iterdir() if self.is_part(path)]
        self.assertEqual(len(parts), 3)
        damaged = bytearray(parts[1].read_bytes())
        damaged[len(damaged) // 2] ^= 8
        parts[1].write_bytes(damaged)
        ended = self.run_well(4, *self.command())
        rows = rows_told(*stopped) - rows_told(stopped[int(parts[1].stem) - 2])
        self.assertIn(f"going on after {rows} rows", ended.err)
        self.assert_whole()
        ended = self.run_program(3, *self.command())  # the next night
        self.assertEqual(ended.code, DONE, ended.told())
        self.assertEqual((self.kept_record()["files_parsed"], self.kept_record()["files_taken"]), (0, 4))

    def test_a_signal_or_a_kill(self):
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number):
                self.setUp()
                before = len(self.parts(self.KEPT))
                ranks = 0 if number == signal.SIGTERM else 2
                job = self.start_and_wait(ranks, self.command("--ingest.checkpoint-every", "25rows"), self.KEPT, before + 3)
                os.kill(job.ranks()[0], number)
                ended = job.wait(20)
                if number != signal.SIGKILL:
                    self.assert_refused(ended, STOPPED, ["a signal asked", "still to be parsed"])
                self.assertNotEqual(ended.code, DONE)
                self.assert_untouched()
                self.assertRegex(self.run_program(3, *self.command()).err, r"going on after \d+ rows")
                self.assert_whole()

    def test_the_rows_that_stopped_nights_rejected_are_kept_with_their_text(self):
        """What a night parsed that was stopped is kept as if it had not been: the next reads no log file for its rejected rows."""
        self.assert_refused(self.run_program(2, *self.short(600)), STOPPED, "still to be parsed")
        self.run_well(3, *self.command())
        self.assert_whole()
        kept = self.kept_rows("store")
        self.assertGreater(kept[1], 0)
        self.assertEqual(kept, self.kept_rows_of_one_go())

    def kept_rows_of_one_go(self):
        shutil.move(self.path("store"), self.path("gone-on"))
        self.setUp()
        self.run_well(3, *self.command())
        rows = self.kept_rows("store")
        shutil.rmtree(self.path("store"))
        shutil.move(self.path("gone-on"), self.path("store"))
        return rows

    def kept_rows(self, store):
        """Rows, rejected lines and log files in all files of kept events."""
        shapes = [0, 0, 0]
        for path in sorted(self.path(f"{store}/kept-events").glob("*.h5")):
            told = self.run_well(0, "info", path, "--json").json()["datasets"]
            shapes = [sum(pair) for pair in zip(shapes, (told[name]["rows"] for name in ("rows", "rejected/lines", "files")))]
        return shapes

    def test_a_disk_that_fails_costs_the_checkpoints_only(self):
        """The second part cannot be written: the night goes on, cannot be stopped any more, and keeps all or nothing."""
        environment = faults(FAIL="write", FAIL_FROM=1, IO_PATH=f"{self.folder.name}/store/kept-events/000003", IO_RANK=0)
        ended = self.run_program(2, *self.command("--ingest.checkpoint-every", "150rows"), environment=environment)
        self.assertEqual(ended.code, DONE, ended.told())
        self.assertEqual(ended.err.count("no more checkpoints of the reading: "), 1)
        self.assertEqual(ended.err.count("checkpoint of "), 1)
        self.assert_whole()
        self.assertNotIn("not_kept", self.kept_record())
        self.setUp()
        ended = self.run_program(2, *self.short(), environment=faults(FAIL="write", IO_PATH=f"{self.folder.name}/store/kept-events"))
        self.assertEqual(ended.code, DONE, "what cannot be kept is not stopped" + ended.told())
        self.assertIn("failed", self.kept_record()["not_kept"])
        self.assert_whole()

    def test_a_dry_run_keeps_nothing_and_other_settings_begin_anew(self):
        self.assert_refused(self.run_program(2, *self.short()), STOPPED, "still to be parsed")
        before = self.digests(self.KEPT)
        self.run_well(2, *self.command("--dry-run"))
        self.assertEqual(self.digests(self.KEPT), before)
        ended = self.run_well(2, *self.command("--ingest.max-id-bytes", 60))
        self.assertNotIn("going on after", ended.err)
        self.assertFalse(any(self.is_part(path) for path in self.path(self.KEPT).iterdir()), "what is of no use goes")
        self.run_well(2, *self.command("--no-kept-events"))

if __name__ == "__main__":
    unittest.main()
