"""A rank that stands still does not hold the others for ever: --stall-minutes ends the job, and says who waits where."""

import os
import signal
import time
import unittest

from support import PipelineTest

STALLED = 6
RANKS = 3


class Stall(PipelineTest):
    def setUp(self):
        super().setUp()
        self.run_well(2, "synth", "--users", "3000", "--items", "1000", "--events", "100000", "--files", "3", "--output", "log")
        self.run_well(2, "ingest", "--input", "log/events-*.csv", "--columns", "user=user,item=item", "--output", "data.h5")

    def test_a_stopped_rank_ends_the_job(self):
        job = self.start(RANKS, "train", "als", "--dataset", "data.h5", "--k", "64", "--sweeps", "100000", "--stall-minutes",
                         "0.05", "--output", "model.h5")
        deadline = time.monotonic() + 60
        while b"sweep 2:" not in self.said(job) and time.monotonic() < deadline:
            time.sleep(0.05)
        stopped = max(job.ranks())
        os.kill(stopped, signal.SIGSTOP)
        ended = job.wait(60)
        self.assertEqual(ended.code, STALLED, ended.told())
        lines = [line for line in ended.complaints() if "has waited for other ranks" in line]
        self.assertIn(len(lines), (1, RANKS - 1), ended.told())  # the launcher may be quicker than the second
        self.assertIn("MPI_", lines[0])
        self.assertIn("while: als: ", lines[0])
        self.assertFalse(self.path("model.h5").exists())

    def said(self, job):
        return os.pread(job.err.fileno(), 1 << 20, 0)

    def test_work_that_goes_on_is_left_alone(self):
        self.run_well(RANKS, "train", "als", "--dataset", "data.h5", "--k", "64", "--sweeps", "200", "--stall-minutes", "0.03",
                      "--output", "model.h5")


if __name__ == "__main__":
    unittest.main()
