"""Lists for search queries: what searches led to, queries with the same words, names; who searched this bought that."""

import random
import unittest

from support import BAD_INPUT, USAGE, PipelineTest, parts_planned

WORDS = ("red", "blue", "green", "cup", "chair", "lamp", "rug", "caf\u00e9")


class Search(PipelineTest):
    def make_dataset(self, query=",query=query"):
        """Users who search items by words of their names, and buy some of what they see a minute later."""
        chance = random.Random(5)
        names = [f"{chance.choice(WORDS[:3])} {chance.choice(WORDS[3:])} {n}" for n in range(60)]
        names[59] = "unsold ottoman"
        lines = ["user,item,type,time,query,name"]
        for user in range(150):
            time = 1700000000 + chance.randrange(10**6)
            for _ in range(chance.randrange(1, 6)):
                item = chance.randrange(59)
                words = names[item].split()
                text = " ".join(sorted(chance.sample(words[:2], chance.randrange(1, 3))))
                lines.append(f"u{user},i{item},view,{time},{text},{names[item]}")
                if chance.random() < 0.5:
                    lines.append(f"u{user},i{item},buy,{time + 60},,{names[item]}")
                time += 86400
        lines.append(f"u0,i59,view,1700000000,,{names[59]}")
        self.write("events.csv", "\n".join(lines) + "\n")
        self.run_well(0, "ingest", "--input", "events.csv", "--columns", f"user=user,item=item,type=type,time=time,name=name{query}",
                      "--output", "data.h5")

    def test_lists_for_queries(self):
        self.make_dataset()
        digests = set()
        for ranks in (0, 3):
            self.run_well(ranks, "recommend", "--dataset", "data.h5", "--for-query", "red", "RED CAF\u00c9", "ottoman", "?",
                          "--n", "6", "--event-weight", "view=1", "buy=4", "--format", "csv", "jsonl", "--output", "lists")
            record = self.record("lists/run.json")["results"]
            digests.add(record["lists"]["digest"])
            self.assertEqual((record["recommend"]["queries"], record["recommend"]["unknown_queries"]), (1, 3))
        self.assertEqual(len(digests), 1)
        lists = {}
        for row in self.rows_of("lists/part-*.csv"):
            lists.setdefault(row["query"], []).append(row)
        self.assertEqual({query: len(rows) for query, rows in lists.items()},
                         {"red": 6, "RED CAF\u00c9": 6, "ottoman": 6, "?": 6})
        self.expect_counted(lists["red"])
        self.assertEqual({row["source"] for row in lists["RED CAF\u00c9"]}, {"similar"})
        self.assertEqual((lists["ottoman"][0]["item"], lists["ottoman"][0]["source"]), ("i59", "similar"))
        self.assertEqual({row["source"] for row in lists["?"]}, {"popular"})

        self.write("queries.txt", "red\nRED CAF\u00c9\nottoman\n?\n")
        served = ["recommend", "--dataset", "data.h5", "--queries", "queries.txt", "--n", "6", "--event-weight", "view=1", "buy=4",
                  "--output", "again"]
        log = self.run_well(2, *served).err
        self.assertEqual(self.record("again/run.json")["results"]["lists"]["digest"], digests.pop())
        for step, parts in (("query-item weights", ("what searches led to", "query-item weights")),
                            ("shares of items in queries", ("shares of items",)), ("similarity", ("costs of rows",))):
            planned = parts_planned(log, step)
            for part in parts:
                self.assertGreater(planned[part], 0, (step, part))
        self.run_badly(0, BAD_INPUT, ["search queries"], "push", "--dataset", "data.h5", "--lists", "again", "--output", "feed")

    def expect_counted(self, rows):
        """Shares of what the query led to, from the events themselves."""
        worth = {}
        events = self.rows_of("events.csv")
        for before, event in zip([None, *events], events):
            if event["query"] == "red":
                worth[event["item"]] = worth.get(event["item"], 0) + 1
            elif event["type"] == "buy" and before["query"] == "red":
                worth[event["item"]] = worth.get(event["item"], 0) + 4
        best = sorted(worth.values(), reverse=True)
        for place, row in enumerate(rows):
            self.assertEqual(row["source"], "searched")
            self.assertAlmostEqual(float(row["score"]), best[place] / sum(best), places=5)
            self.assertAlmostEqual(float(row["score"]), worth[row["item"]] / sum(best), places=5)

    def test_users_who_searched_this_bought_that(self):
        self.make_dataset()
        digests = set()
        for ranks in (0, 4):
            self.run_well(ranks, "similar", "--dataset", "data.h5", "--from-searches", "--metric", "llr", "--to-events", "buy",
                          "--n", "5", "--bought-together", "--output", "near")
            digests.add(self.record("near/run.json")["results"]["lists"]["digest"])
            together = self.rows_of("near/together-*.csv")
            self.assertGreater(len(together), 50)
            self.assertEqual([(r["query"], r["rank"], r["item"], r["score"]) for r in self.rows_of("near/part-*.csv")],
                             [(r["query"], r["rank"], r["other"], r["score"]) for r in together])
        self.assertEqual(len(digests), 1)
        searched, bought, everyone = {}, {}, set()
        for event in self.rows_of("events.csv"):
            everyone.add(event["user"])
            if event["query"]:
                searched.setdefault(event["query"], set()).add(event["user"])
            if event["type"] == "buy":
                bought.setdefault(event["item"], set()).add(event["user"])
        for row in together:
            first, second = searched[row["query"]], bought[row["other"]]
            both = len(first & second)
            self.assertEqual(int(row["support"]), both)
            self.assertAlmostEqual(float(row["share"]), both / len(first), places=5)
            self.assertAlmostEqual(float(row["lift"]), both * len(everyone) / (len(first) * len(second)), places=3)

    def test_names_do_without_searches(self):
        self.make_dataset(query="")
        self.run_well(0, "recommend", "--dataset", "data.h5", "--for-query", "Ottoman", "--n", "3", "--output", "lists")
        self.assertEqual([row["source"] for row in self.rows_of("lists/part-*.csv")], ["similar", "popular", "popular"])
        self.run_badly(2, USAGE, ["--from-searches"], "similar", "--dataset", "data.h5", "--from-searches", "--metric", "llr",
                       "--output", "never")

    def test_refusals(self):
        self.make_dataset()
        self.write("empty.txt", "\n")
        for code, words, options in ((USAGE, "--for-query", ["--for-query", "red", "--queries", "empty.txt"]),
                                     (BAD_INPUT, "empty.txt", ["--queries", "empty.txt"]),
                                     (USAGE, "--similar-queries", ["--for-query", "red", "--similar-queries", "0"]),
                                     (USAGE, "--similar-weight", ["--for-query", "red", "--similar-weight", "-1"]),
                                     (USAGE, "--similar-power", ["--for-query", "red", "--similar-power", "0"]),
                                     (USAGE, "--session-gap-minutes", ["--for-query", "red", "--session-gap-minutes", "0"]),
                                     (USAGE, "view", ["--for-query", "red", "--event-weight", "veiw=1"]),
                                     (USAGE, "--session-gap-minutes", ["--for-query", "red", "--session-gap-minutes", "1e300"]),
                                     (USAGE, "--rerank", ["--for-query", "red", "--rerank", "trees.h5"]),
                                     (USAGE, "--model", ["--for-query", "red", "--model", "a.h5", "b.h5"]),
                                     (USAGE, "neither is given", ["--similar-queries", "7"]),
                                     (USAGE, "--similar-weight: is for --for-query", ["--similar-weight", "0.5"]),
                                     (USAGE, "--similar-power: is for --for-query", ["--similar-power", "2"]),
                                     (USAGE, "neither is given", ["--event-weight", "view=2"]),
                                     (USAGE, "--checkpoint-every: lists for queries", ["--for-query", "red", "--checkpoint-every", "1rows"]),
                                     (USAGE, "--max-hours: lists for queries", ["--for-query", "red", "--max-hours", "1"]),
                                     (USAGE, "--explain", ["--for-query", "red", "--explain", "3"])):
            for ranks in (0, 3):
                self.run_badly(ranks, code, [words], "recommend", "--dataset", "data.h5", "--output", "never", *options)
        self.run_badly(0, USAGE, ["--metric"], "similar", "--dataset", "data.h5", "--from-searches", "--output", "never")
        self.run_badly(0, USAGE, ["tfidf"], "similar", "--dataset", "data.h5", "--from-searches", "--metric", "tfidf",
                       "--output", "never")


if __name__ == "__main__":
    unittest.main()
