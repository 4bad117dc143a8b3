"""The linear family: the filter without its cut, EASE of a head and a tail, refusals."""

import unittest

from support import USAGE, SharedFolderTest


class Linear(SharedFolderTest):
    def fill(self):
        self.run_well(0, "synth", "--output", "shop", "--users", "400", "--items", "150", "--events", "15000")
        self.run_well(0, "ingest", "--input", "shop/events-*.csv", "--columns", "user=user,item=item", "--output", "data.h5")
        for name, options in (("cut", ["--neighbours", "12", "--hold-out", "random"]), ("whole", ["--neighbours", "150"])):
            self.run_well(0, "train", "spectral", "--dataset", "data.h5", "--k", "10", *options, "--output", name + ".h5")

    def test_exact_filter_beside_the_cut(self):
        found = [self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", "cut.h5", "--exact-filter", "--json",
                               "--at", "5,10").json() for ranks in (0, 2, 3, 4)]
        for other in found[1:]:
            self.assertEqual(other, found[0])
        plain = self.run_well(0, "evaluate", "--dataset", "data.h5", "--model", "cut.h5", "--json", "--at", "5,10").json()
        for name in ("recall@5", "ndcg@10", "coverage@10"):
            self.assertEqual(found[0]["baseline"][name], plain[name])
        self.assertAlmostEqual(found[0]["difference"]["recall@10"]["value"],
                               found[0]["recall@10"]["value"] - plain["recall@10"]["value"], 12)
        self.assertNotEqual(found[0]["recall@10"], plain["recall@10"])
        for length in (5, 10):
            self.assertGreater(found[0][f"overlap@{length}"]["value"], 0.2)
            self.assertLess(found[0][f"overlap@{length}"]["value"], 1)

    def test_exact_filter_of_a_model_without_a_cut(self):
        self.run_well(3, "recommend", "--dataset", "data.h5", "--model", "whole.h5", "--exact-filter", "--output", "exact")
        self.assertGreater(self.record("exact/run.json")["results"]["exact_filter"]["overlap"], 0.999)

    def test_head_by_the_memory_budget(self):
        # The tail of so many items takes more than the search for its neighbours, so that a small head decides.
        self.run_well(0, "synth", "--output", "wide", "--users", "400", "--items", "40000", "--events", "30000")
        self.run_well(0, "ingest", "--input", "wide/events-*.csv", "--columns", "user=user,item=item", "--output", "wide.h5")

        def train(ranks, *head):
            self.run_well(ranks, "train", "ease", "--dataset", "wide.h5", "--neighbours", "20", "--tail", "knn", *head,
                          "--output", "ease.h5")
            parts = self.run_well(0, "info", "ease.h5", "--json").json()["datasets"]
            return self.record("ease.run.json")["results"]["training"]["items"], parts["item_weights/values"]["digest"]

        head, weights = train(0, "--memory-per-rank", "6630KiB")
        self.assertTrue(50 < head < 150, head)
        for ranks in (0, 2):
            self.assertEqual(train(ranks, "--head-items", str(head)), (head, weights))

    def test_refusals(self):
        for words, command in ((["--neighbours 100000"], ["train", "spectral", "--k", "10", "--neighbours", "100000"]),
                               (["--neighbours 100000"], ["train", "ease", "--neighbours", "100000"]),
                               (["--k 100000"], ["train", "spectral", "--k", "100000"]),
                               (["--memory-per-rank", "--head-items", "--tail knn"],
                                ["train", "ease", "--neighbours", "100", "--memory-per-rank", "200KiB"]),
                               (["--memory-per-rank"],
                                ["train", "ease", "--neighbours", "100", "--tail", "knn", "--memory-per-rank", "200KiB"]),
                               (["--tail", "neither none nor knn"], ["train", "ease", "--tail", "all"]),
                               (["--explain and --exact-filter"],
                                ["recommend", "--model", "cut.h5", "--exact-filter", "--explain", "2"])):
            for ranks in (0, 3):
                self.run_badly(ranks, USAGE, words, *command, "--dataset", "data.h5", "--output", "never.h5")
        self.run_well(0, "train", "popular", "--dataset", "data.h5", "--hold-out", "random", "--output",
                      "popular.h5")
        for ranks in (0, 3):
            self.run_badly(ranks, USAGE, ["--exact-filter", "family 'popular'"], "evaluate", "--dataset", "data.h5", "--model",
                           "popular.h5", "--exact-filter")


if __name__ == "__main__":
    unittest.main()
