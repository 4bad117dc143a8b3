"""A rank that dies at any moment ends the job, leaves earlier outputs whole, and the same command run again gives what
it would have given."""

import os
import random
import signal
import time
import unittest

from support import PipelineTest

COLUMNS = "user=user,item=item,type=type,time=time,quantity=quantity,price=price,name=name"
RANKS = 3
RECORDS = {"data.h5": "data.run.json", "model.h5": "model.run.json", "lists": "lists/run.json"}


class KilledRank(PipelineTest):
    def setUp(self):
        super().setUp()
        for seed in (1, 2):
            self.run_well(2, "synth", "--users", "4000", "--items", "1000", "--events", "300000", "--files", "3", "--seed",
                          str(seed), "--output", f"log{seed}")

    @staticmethod
    def command(output, seed, to=""):
        """The command that writes this output, in one of two versions, to another name if wanted."""
        commands = {"data.h5": ["ingest", "--input", f"log{seed}/events-*.csv", "--columns", COLUMNS],
                    "model.h5": ["train", "als", "--dataset", "data.h5", "--k", "64", "--sweeps", "4", "--seed", seed],
                    "lists": ["recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", 20 * seed, "--format",
                              "csv", "jsonl"]}
        return [*commands[output], "--output", to or output]

    def content(self, output):
        """Digests of an output; a killed process cannot clean up, so NAME.partial* may lie beside it."""
        return {path: digest for path, digest in self.digests(output).items() if ".partial" not in path}

    def content_digest(self, output):
        name = output + "/lists.h5" if output.endswith("lists") else output
        return self.run_well(0, "info", name, "--json").json()["digest"]

    def kill_one(self, command, moment, rank):
        """Kills a rank `moment` seconds after the work began. @return how the run ended"""
        job = self.start(RANKS, *command)
        deadline = time.monotonic() + 20
        while b"ranks x" not in os.pread(job.err.fileno(), 10_000, 0) and time.monotonic() < deadline:
            time.sleep(0.001)
        ranks = sorted(job.ranks())
        time.sleep(moment)
        try:
            os.kill(ranks[rank], signal.SIGKILL)
        except (ProcessLookupError, IndexError):
            pass  # it has ended already
        return job.wait(20)

    def check(self, output, draw, kills=3):
        self.run_well(RANKS, *self.command(output, 2, "probe-" + output))
        record = self.record("probe-" + RECORDS[output])
        wanted = self.content_digest("probe-" + output)
        before = self.content(output)
        hits = 0
        for _ in range(20):
            ended = self.kill_one(self.command(output, 2), draw.uniform(0, record["seconds"]), draw.randrange(RANKS))
            if "run record:" in ended.err:  # it was too late: the work was done
                self.run_well(RANKS, *self.command(output, 1))
                self.assertEqual(self.content(output).keys(), before.keys())
                before = self.content(output)
                continue
            hits += 1
            self.assertNotEqual(ended.code, 0, ended.told())
            if self.content(output) != before:  # killed between the last name given and the record: all is new
                self.assertEqual(self.content_digest(output), wanted, "neither the old output nor the new" + ended.told())
                self.run_well(RANKS, *self.command(output, 1))
                before = self.content(output)
            if hits == kills:
                break
        self.assertGreaterEqual(hits, 2, "never hit while it ran")
        self.run_well(RANKS, *self.command(output, 2))
        self.assertEqual(self.content_digest(output), wanted)
        self.assert_nothing_partial()

    def test_outputs_survive_and_the_rerun_agrees(self):
        draw = random.Random(11)
        for output in RECORDS:
            self.run_well(RANKS, *self.command(output, 1))
        for output in reversed(RECORDS):  # the last first, so that what it reads stays as it is
            with self.subTest(output=output):
                self.check(output, draw)


if __name__ == "__main__":
    unittest.main()
