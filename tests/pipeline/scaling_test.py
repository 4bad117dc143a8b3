"""scripts/scaling.sh and scripts/plot_scaling.py: counted bytes and work as planned on up to 7 ranks, and a page of it."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

from support import MPIEXEC, PUSHCART, PipelineTest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


class Scaling(PipelineTest):
    def call(self, *command, code=0):
        environment = dict(os.environ, PUSHCART=PUSHCART, PATH=f"{pathlib.Path(MPIEXEC).parent}:{os.environ['PATH']}")
        ended = subprocess.run([str(word) for word in command], cwd=self.folder, env=environment, capture_output=True,
                               text=True, timeout=300)
        self.assertEqual(ended.returncode, code, ended.stdout + ended.stderr)
        return ended.stdout + ended.stderr

    def scale(self, mode, *options):
        self.call(SCRIPTS / "scaling.sh", mode, "--users", 1500, "--items", 600, "--events", 30000, "--k", 16, "--sweeps", 2,
                  "--repeats", 1, "--output", mode, *options)
        self.call(sys.executable, SCRIPTS / "plot_scaling.py", mode)
        return self.path(f"{mode}/scaling.md").read_text()

    def test_strong(self):
        page = self.scale("strong", "--layouts", "1x1 2x1 1x2 7x1", "--exchange", "sparse")
        for verb in ("ingest", "train", "similar", "recommend"):
            self.assertIn(f"## {verb}", page)
        self.assertNotIn("| NO |", page)
        self.assertIn("## Plan against measured", page)
        exchange = self.record("strong/records/train-7x1-1.json")["results"]["training"]["exchange"]
        self.assertEqual(exchange["received_bytes_by_rank"], exchange["planned_received_bytes_by_rank"])
        self.assertGreater(sum(exchange["received_bytes_by_rank"]), 0)
        work = exchange["solving_work_by_rank"]
        self.assertLess(max(work), 1.1 * sum(work) / len(work))

    def test_weak_data_grow(self):
        self.scale("weak", "--layouts", "1x1 2x1")
        rows = [self.record(f"weak/records/ingest-{layout}-1.json")["results"]["cleaning"]["rows_read"] for layout in ("1x1", "2x1")]
        self.assertEqual(rows[1], 2 * rows[0])

    def test_refusals(self):
        self.assertIn("unknown option", self.call(SCRIPTS / "scaling.sh", "strong", "--user", 5, code=2))
        self.assertIn("strong", self.call(SCRIPTS / "scaling.sh", "sideways", code=2))
        self.assertIn("scaling.json", self.call(sys.executable, SCRIPTS / "plot_scaling.py", "nowhere", code=1))


if __name__ == "__main__":
    unittest.main()
