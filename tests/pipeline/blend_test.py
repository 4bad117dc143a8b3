"""Blends of saved models: weights learned on what validation models have not seen; the same bits on any ranks."""

import unittest

from support import USAGE, PipelineTest


class Blend(PipelineTest):
    def test_learns_weights_that_beat_equal_ones(self):
        self.run_well(0, "synth", "--output", "shop", "--users", "600", "--items", "200", "--events", "40000", "--seed", "5")
        self.run_well(0, "ingest", "--input", "shop/events-*.csv", "--columns", "user=user,item=item,quantity=quantity",
                      "--output", "data.h5")
        for name, seen in (("", []), ("v", ["--hold-out", "random", "--hold-out-seed", "9"])):
            self.run_well(0, "train", "als", "--dataset", "data.h5", "--k", "8", *seen, "--output", name + "als.h5")
            # Days mean nothing for random pairs: the same are left out.
            self.run_well(0, "train", "popular", "--dataset", "data.h5", *seen, "--hold-out-days", "3", "--output",
                          name + "popular.h5")
        digests = set()
        for ranks in (0, 3):
            self.run_well(ranks, "train", "blend", "--dataset", "data.h5", "--models", "als.h5", "popular.h5",
                          "--validation-models", "vals.h5", "vpopular.h5", "--segments", "20,60", "--output", "blend.h5")
            results = self.record("blend.run.json")["results"]
            digests.add(results["model"]["digest"])
        self.assertEqual(len(digests), 1)
        segments = results["blend"]["segments"]
        self.assertEqual(len(segments), 3)
        for segment in segments:
            self.assertEqual(max(segment["weights"]), 1)
            self.assertGreaterEqual(segment["ndcg"], segment["ndcg_equal_weights"])
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "blend.h5", "--output", "lists")

    def test_refusals(self):
        self.run_well(0, "synth", "--output", "shop", "--users", "50", "--items", "20", "--events", "2000")
        self.run_well(0, "ingest", "--input", "shop/events-*.csv", "--columns", "user=user,item=item", "--output", "data.h5")
        self.run_well(0, "train", "popular", "--dataset", "data.h5", "--output", "popular.h5")
        blend = ["train", "blend", "--dataset", "data.h5", "--output", "never.h5"]
        for words, options in (("--models", []),
                               ("2 for 1 models", ["--models", "popular.h5", "--weights", "1,2"]),
                               ("negative", ["--models", "popular.h5", "--weights", "-1"]),
                               ("no weight of the blend is above 0", ["--models", "popular.h5", "--weights", "0"]),
                               ("has seen the whole dataset",
                                ["--models", "popular.h5", "--validation-models", "popular.h5"])):
            for ranks in (0, 3):
                self.run_badly(ranks, USAGE, [words], *blend, *options)


if __name__ == "__main__":
    unittest.main()
