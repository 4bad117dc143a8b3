"""The whole flow and a night that are stopped while they read their log go on from what was parsed, on any number of
ranks, to the bits of one go."""

import gzip
import os
import re
import shutil
import signal
import time
import unittest

from support import DONE, STOPPED, USAGE, SharedFolderTest

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

    def test_a_short_log_is_not_collected_unless_asked_for(self):
        for more in (["--max-hours", 2, "--checkpoint-every", "150rows"], ["--checkpoint-every", "0.000001s"]):
            self.assertNotIn("checkpoint of ", self.run_well(2, *self.command("plain", *more)).err)
            self.assert_whole("plain")
        self.run_badly(2, USAGE, "--ingest.checkpoint-every", *self.command("plain", "--ingest.checkpoint-every", "2sweeps"))

    def test_resume_never_parses_everything(self):
        self.assert_refused(self.run_program(2, *self.short("never")), STOPPED, "still to be parsed")
        self.assertNotIn("going on after", self.run_well(2, *self.command("never", "--resume", "never")).err)
        self.assert_whole("never")


if __name__ == "__main__":
    unittest.main()
