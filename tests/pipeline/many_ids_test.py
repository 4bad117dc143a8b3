"""A million distinct users: no rank holds all their ids."""

import unittest

from support import USAGE, PipelineTest

MEGABYTE = 1 << 20
NUM_USERS = 1_000_000


class ManyIds(PipelineTest):
    def test_memory_of_each_rank(self):
        padding = "customer-" * 10  # the ids together: 97 MB
        with open(self.path("log.csv"), "w", encoding="ascii") as file:
            file.write("user,item\n")
            for n in range(NUM_USERS):
                file.write(f"{padding}{n * 7919 % NUM_USERS:07},i{n % 5000}\n")
        self.run_badly(1, USAGE, ["over --memory-per-rank 300.0 MiB"], "ingest", "--input", "log.csv", "--columns",
                               "user=user,item=item", "--memory-per-rank", "300MiB", "--output", "never.h5")
        digests, peaks = [], []
        for ranks in (1, 7):
            self.run_well(ranks, "ingest", "--input", "log.csv", "--columns", "user=user,item=item", "--output", "data.h5",
                          timeout=120)
            record = self.record("data.run.json")
            self.assertEqual(record["results"]["cleaning"]["users"], NUM_USERS)
            digests.append(record["results"]["dataset"]["digest"])
            peaks.append(record["peak_memory_bytes_by_rank"])
        self.assertEqual(*digests)
        alone, together = peaks
        self.assertEqual(len(together), 7)
        self.assertLess(max(together), 0.35 * alone[0], peaks)
        self.assertLess(max(together), 256 * MEGABYTE, peaks)
        self.assertLess(max(together), 1.2 * min(together), peaks)


if __name__ == "__main__":
    unittest.main()
