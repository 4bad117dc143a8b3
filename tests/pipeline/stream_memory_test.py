"""Factors larger than the memory budget are trained by streaming, and take the memory that was planned."""

import random
import re
import unittest

from support import PipelineTest

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
RANKS, K = 3, 512


class StreamMemory(PipelineTest):
    def write_log(self, name, users, items):
        draw = random.Random(1)
        self.write(name + ".txt", "".join(f"{user} {' '.join(map(str, draw.sample(range(items), 8)))}\n"
                                          for user in range(users)))
        self.run_well(2, "ingest", "--input", name + ".txt", "--format", "adjacency", "--output", name + ".h5")

    def train(self, name, *options):
        """Plan and peak of the fullest rank in bytes, and the digest of the model."""
        ended = self.run_well(RANKS, "train", "als", "--dataset", name + ".h5", "--k", K, "--sweeps", 1, *options, "--output",
                              name + "-model.h5", timeout=200)
        planned = sum(float(figure) * UNITS[unit]
                      for figure, unit in re.findall(r"memory planned per rank for [a-z ]+: ([0-9.]+) ([KMG]?)i?B", ended.err))
        record = self.record(name + "-model.run.json")
        digest = self.run_well(0, "info", name + "-model.h5", "--json").json()["digest"]
        return planned, max(record["peak_memory_bytes_by_rank"]), digest, ended

    def test_peak_is_the_plan(self):
        users, items = 60000, 60000
        self.write_log("large", users, items)
        self.write_log("small", 300, 300)  # what the process takes for itself, the same in both
        budget = 115 << 20
        self.assertGreater((users + items) * K * 4, budget, "the factors would fit")
        planned, peak, digest, ended = self.train("large", "--memory-per-rank", "115MiB")
        self.assertIn("exchange: stream", ended.err, ended.told())
        small_plan, small_peak, _, _ = self.train("small")
        grown, planned_growth = peak - small_peak, planned - small_plan
        self.assertLess(abs(grown - planned_growth), 0.1 * planned_growth,
                        f"peak {peak} and {small_peak}, plan {planned} and {small_plan}" + ended.told())
        self.assertEqual(digest, self.train("large")[2], "another exchange gave other bits")


if __name__ == "__main__":
    unittest.main()
