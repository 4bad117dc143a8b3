"""Neighbours by users: families, similar --metric and its bought-together lists; the same bits on any ranks."""

import random
import unittest

from support import USAGE, PipelineTest


class Similarity(PipelineTest):
    def make_dataset(self):
        """Users who like one of five kinds of items, with views and purchases."""
        chance = random.Random(3)
        lines = ["user,item,type,time"]
        for user in range(300):
            for _ in range(chance.randrange(3, 30)):
                item = chance.randrange(12) * 5 + user % 5 if chance.random() < 0.7 else chance.randrange(60)
                lines.append(f"u{user},i{item},{chance.choice(['view', 'buy'])},{1700000000 + chance.randrange(10**6)}")
        self.write("events.csv", "\n".join(lines) + "\n")
        self.run_well(0, "ingest", "--input", "events.csv", "--columns", "user=user,item=item,type=type,time=time",
                      "--output", "data.h5")

    def test_families_are_the_same_on_any_ranks(self):
        self.make_dataset()
        for family, options in (("itemknn", ["--metric", "tfidf", "--keep", "candidates"]), ("rp3beta", []),
                                ("userknn", ["--kept-items", "50"])):
            digests = set()
            for ranks in (0, 3):
                self.run_well(ranks, "train", family, "--dataset", "data.h5", "--neighbours", "20", "--hold-out", "random",
                              "--output", "model.h5", *options)
                digests.add(self.record("model.run.json")["results"]["model"]["digest"])
                self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--json")
                self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--output", "lists")
            self.assertEqual(len(digests), 1, family)

    def test_similar_items_and_what_is_bought_together(self):
        self.make_dataset()
        digests = set()
        for ranks in (0, 4):
            self.run_well(ranks, "similar", "--dataset", "data.h5", "--metric", "llr", "--n", "5", "--min-support", "2",
                          "--bought-together", "--output", "near")
            digests.add(self.record("near/run.json")["results"]["lists"]["digest"])
            lists, together = self.rows_of("near/part-*.csv"), self.rows_of("near/together-*.csv")
            self.assertGreater(len(together), 100)
            self.assertEqual([(r["item"], r["rank"], r["similar"], r["score"]) for r in lists],
                             [(r["item"], r["rank"], r["other"], r["score"]) for r in together])
        self.assertEqual(len(digests), 1)
        self.assertEqual(len(list(self.folder.glob("near/together-*.csv"))), 4)
        self.run_well(0, "similar", "--dataset", "data.h5", "--metric", "llr", "--n", "5", "--min-support", "2",
                      "--bought-together", "--output", "near")
        self.assertEqual(len(list(self.folder.glob("near/together-*.csv"))), 1)
        self.expect_counted(self.rows_of("near/together-*.csv"))

    def expect_counted(self, together):
        """support, share and lift from the events themselves."""
        users_of = {}
        for event in self.rows_of("events.csv"):
            users_of.setdefault(event["item"], set()).add(event["user"])
        everyone = set().union(*users_of.values())
        for row in together:
            first, second = users_of[row["item"]], users_of[row["other"]]
            both = len(first & second)
            self.assertEqual(int(row["support"]), both)
            self.assertAlmostEqual(float(row["share"]), both / len(first), places=5)
            self.assertAlmostEqual(float(row["lift"]), both * len(everyone) / (len(first) * len(second)), places=3)

    def test_refusals(self):
        self.make_dataset()
        for words, command in (("--neighbours", ["train", "itemknn", "--neighbours", "100000"]),
                               ("cosine", ["train", "itemknn", "--metric", "cosin"]),
                               ("--shrinkage", ["train", "rp3beta", "--neighbours", "10", "--shrinkage", "-1"]),
                               ("--kept-items", ["train", "userknn", "--neighbours", "10", "--kept-items", "0"]),
                               ("--bought-together", ["similar", "--bought-together"]),
                               ("--from-events", ["similar", "--metric", "llr", "--from-events", "looked"])):
            for ranks in (0, 3):
                self.run_badly(ranks, USAGE, [words], *command, "--dataset", "data.h5", "--output", "never")


if __name__ == "__main__":
    unittest.main()
