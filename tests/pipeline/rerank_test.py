"""Re-rankers: trained on what models have not seen, the same on any ranks, served and measured, and refused where they do not fit."""

import unittest

from support import BAD_INPUT, STORAGE, USAGE, SharedFolderTest, lists_of, parts_planned

COLUMNS = "user=user,item=item,type=type,time=time,quantity=quantity,price=price,category=category"
DAY = 86400
HELD_OUT_DAYS = 14
RANKS = (0, 3)  # tests/rerank has the others


class Rerank(SharedFolderTest):
    def fill(self):
        self.run_well(0, "synth", "--output", "shop", "--users", "500", "--items", "150", "--events", "40000", "--seed", "5")
        self.run_well(0, "ingest", "--input", "shop/events-*.csv", "--columns", COLUMNS, "--hold-out-days", "14",
                      "--output", "data.h5")
        type(self).missing = self.run_program(0, "train", "rerank", "--output", "none.h5").complaints()
        if "without XGBoost" in self.missing[0]:
            return
        for name, options in (("als", ["als", "--k", "8"]), ("knn", ["itemknn", "--neighbours", "20"])):
            self.run_well(0, "train", *options, "--dataset", "data.h5", "--output", name + ".h5")
            for part, held_out in (("part", ["last-days", "--hold-out-days", HELD_OUT_DAYS]), ("random", ["random"]),
                                   ("users", ["users"])):
                self.run_well(0, "train", *options, "--dataset", "data.h5", "--hold-out", *held_out, "--output",
                              f"{name}.{part}.h5")
        self.run_well(0, "features", "--dataset", "data.h5", "--input", "shop/events-*.csv", "--output", "now.h5")
        cutoff = self.run_well(0, "info", "now.h5", "--json").json()["attributes"]["cutoff_time"]
        self.run_well(0, "features", "--dataset", "data.h5", "--input", "shop/events-*.csv", "--cutoff",
                      int(cutoff) - HELD_OUT_DAYS * DAY, "--output", "then.h5")
        self.train(0, "rerank.h5", "--features", "then.h5")
        self.train(0, "plain.h5")

    def setUp(self):
        super().setUp()
        if "without XGBoost" in self.missing[0]:
            self.skipTest("built without XGBoost")

    def train(self, ranks, output, *options):
        self.run_well(ranks, "train", "rerank", "--dataset", "data.h5", "--model", "als.part.h5", "knn.part.h5",
                      "--rerank-candidates", "40", "--trees", "30", *options, "--output", output)
        return self.record(output.replace(".h5", ".run.json"))["results"]

    def served(self, *options):
        return ["--dataset", "data.h5", "--rerank", "rerank.h5", "--model", "als.h5", "knn.h5", "--features", "now.h5",
                *options]

    def test_a_trained_one_is_the_same_on_any_ranks_and_says_what_it_gains_by(self):
        digests = {self.train(ranks, "again.h5", "--features", "then.h5")["model"]["digest"] for ranks in RANKS}
        self.assertEqual(digests, {self.record("rerank.run.json")["results"]["model"]["digest"]})
        found = self.record("rerank.run.json")["results"]["rerank"]
        self.assertEqual([model["family"] for model in found["models"]], ["als", "itemknn"])
        self.assertAlmostEqual(sum(found["gain"].values()), 1, places=5)
        self.assertEqual(list(found["gain"].values()), sorted(found["gain"].values(), reverse=True))
        self.assertIn("pair.category_share", found["gain"])
        self.assertGreater(found["ndcg"], max(model["ndcg"] for model in found["models"]))
        self.assertEqual(found["ndcg"], max(found["ndcg_by_trees"]))
        self.assertLess(found["validation_users"] + found["training_users"], found["users"] + 1)

    def test_lists_are_the_same_on_any_ranks_and_keep_the_rules(self):
        self.write("never.txt", "i1\ni2\ni3\n")
        digests = set()
        for ranks in RANKS:
            self.run_well(ranks, "recommend", *self.served("--exclude-items", "never.txt"), "--output", f"lists-{ranks}")
            digests.add(self.record(f"lists-{ranks}/run.json")["results"]["lists"]["digest"])
        self.assertEqual(len(digests), 1)
        lists = lists_of(self.path("lists-0"))
        self.assertEqual(len(lists), self.record("lists-0/run.json")["results"]["recommend"]["users"])
        sources = set()
        for rows in lists.values():
            self.assertLessEqual(len(rows), 20)  # fewer for who has nearly all
            items = [item for _, item, _, _, _ in rows]
            self.assertEqual(len(set(items)), len(items))
            self.assertFalse({"i1", "i2", "i3"} & set(items))
            scores = [score for _, _, _, score, source in rows if source == "rerank"]
            self.assertEqual(scores, sorted(scores, reverse=True))
            sources |= {source for _, _, _, _, source in rows}
        self.assertIn("rerank", sources)
        self.assertGreater(sum(len(rows) == 20 for rows in lists.values()), 0.8 * len(lists))
        self.assertEqual(self.record("lists-0/manifest.json")["model_digest"],
                         self.record("rerank.run.json")["results"]["model"]["digest"])

    def test_is_measured_beside_another_model(self):
        results = []
        for ranks in (0, 3):
            self.run_well(ranks, "evaluate", *self.served("--beside", "knn.h5"), "--run-record", "evaluation.json")
            results.append(self.record("evaluation.json")["results"])
        self.assertEqual(results[0], results[1])
        self.assertEqual(results[0]["model"], "rerank of als, itemknn")
        self.run_well(0, "evaluate", "--dataset", "data.h5", "--model", "knn.h5", "--run-record", "alone.json")
        alone = self.record("alone.json")["results"]
        self.assertEqual(results[0]["baseline"]["ndcg@20"], alone["ndcg@20"])
        self.assertNotEqual(results[0]["ndcg@20"], alone["ndcg@20"])
        self.assertAlmostEqual(results[0]["difference"]["ndcg@20"]["value"],
                               results[0]["ndcg@20"]["value"] - alone["ndcg@20"]["value"])
        learned = self.run_well(2, "evaluate", *self.served("--learn-min-evidence", "--json")).json()  # beside what is served
        self.assertEqual((learned["baseline"]["ndcg@20"], learned["baseline_model"]),
                         (results[0]["ndcg@20"], results[0]["model"]))

    def planned(self, step, *command):
        """What the step plans on two ranks, by part; parts are largest on other ranks, so that the sum is more than any has."""
        parts = parts_planned(self.run_well(2, *command).err, step)
        self.run_badly(2, USAGE, [f"{step} would need", "--memory-per-rank"], *command, "--memory-per-rank",
                       str(int(sum(parts.values()) * 0.7)))
        return parts

    def test_training_plans_the_searches_of_its_members(self):
        base = ["train", "rerank", "--dataset", "data.h5", "--rerank-candidates", "40", "--trees", "5", "--output", "small.h5"]
        one, two, few = (self.planned("train rerank", *base, *options) for options in (
            ["--model", "als.part.h5"], ["--model", "als.part.h5", "knn.part.h5"],
            ["--model", "als.part.h5", "knn.part.h5", "--sample-users", "50"]))
        histories = "item weights of each user's items, and how far they are read"
        self.assertEqual(one[histories], 0)
        self.assertGreater(two[histories], 0)
        for part in ("best items so far", "candidates of this rank's users", "their columns", "candidates to learn from, on rank 0"):
            self.assertGreaterEqual(two[part], one[part], part)
            self.assertLess(few[part], two[part], part)

    def test_evaluation_plans_the_model_beside(self):
        base = ["evaluate", "--dataset", "data.h5", "--model", "als.part.h5"]
        alone, beside = (self.planned("evaluate", *base, *options) for options in ([], ["--beside", "knn.part.h5"]))
        stored = self.path("knn.part.h5").stat().st_size
        self.assertNotIn("model beside", alone)
        self.assertGreater(beside["model beside"], stored / 4)
        self.assertLess(beside["model beside"], stored)
        for part in ("item weights of each user's items, and how far they are read", "sums of item weights"):
            self.assertEqual(alone.get(part, 0), 0, part)
            self.assertGreater(beside[part], 0, part)

    def blend(self, output, *models):
        self.run_well(0, "train", "blend", "--dataset", "data.h5", "--models", *models, "--output", output)

    def test_a_blend_can_give_candidates(self):
        for name, models in (("part", ["als.part.h5", "knn.part.h5"]), ("all", ["als.h5", "knn.h5"]),
                             ("mixed", ["als.part.h5", "knn.random.h5"])):
            self.blend(f"blend.{name}.h5", *models)
        train = ["train", "rerank", "--dataset", "data.h5", "--rerank-candidates", "40", "--trees", "30"]
        digests = set()
        for ranks in RANKS:
            self.run_well(ranks, *train, "--model", "knn.part.h5", "blend.part.h5", "--output", "beside.h5")
            digests.add(self.record("beside.run.json")["results"]["model"]["digest"])
        self.assertEqual(len(digests), 1)
        gain = self.record("beside.run.json")["results"]["rerank"]["gain"]
        self.assertLessEqual({"blend.score", "blend.place", "itemknn.score"}, set(gain))

        self.run_well(2, *train, "--model", "blend.part.h5", "--output", "alone.h5")
        self.run_well(2, "recommend", "--dataset", "data.h5", "--rerank", "alone.h5", "--model", "blend.all.h5", "--output",
                      "ordered")
        self.run_well(0, "recommend", "--dataset", "data.h5", "--model", "blend.all.h5", "--n", "40", "--output", "candidates")
        candidates = lists_of(self.path("candidates"))
        ordered_anew = 0
        for user, places in lists_of(self.path("ordered")).items():
            best = [place[1] for place in candidates[user]]
            listed = [place[1] for place in places if place[4] == "rerank"]
            self.assertLessEqual(set(listed), set(best), user)
            ordered_anew += listed != best[:len(listed)]
        self.assertGreater(ordered_anew, 0)
        for model in ("blend.all.h5", "blend.mixed.h5"):
            self.run_badly(0, USAGE, ["has seen the whole dataset"], *train, "--model", "als.part.h5", model, "--output",
                           "never.h5")

    def test_refusals_in_training(self):
        line = ["train", "rerank", "--dataset", "data.h5", "--output", "never.h5"]
        for words, options in (
                ("give the models", []),
                ("has seen the whole dataset", ["--model", "als.h5"]),
                ("--hold-out users", ["--model", "als.users.h5"]),
                ("another --hold-out", ["--model", "als.part.h5", "knn.random.h5"]),
                ("learns from what was held out", ["--model", "als.part.h5", "--hold-out", "random"]),
                ("know the pairs that --hold-out random", ["--model", "als.random.h5", "--features", "then.h5"]),
                ("--cutoff", ["--model", "als.part.h5", "--features", "now.h5"]),
                ("--tree-depth", ["--model", "als.part.h5", "--tree-depth", "0"]),
                ("not for rerank", ["--model", "als.part.h5", "--patience", "3"]),
                ("--rerank-candidates", ["--model", "als.part.h5", "--rerank-candidates", "5"])):
            self.run_badly(0, USAGE, [words], *line, *options)
        self.run_badly(0, USAGE, ["--model", "is for train rerank"], "train", "blend", "--dataset", "data.h5", "--model", "als.h5",
                       "--output", "never.h5")
        self.assertFalse(self.path("never.h5").exists())
        self.run_badly(3, USAGE, ["--hold-out users"], "train", "blend", "--dataset", "data.h5", "--models", "als.h5",
                       "--validation-models", "als.users.h5", "--output", "never.h5")

    def test_refusals_in_serving(self):
        recommend = ["recommend", "--dataset", "data.h5", "--output", "never"]
        models = ["--model", "als.h5", "knn.h5"]
        damaged = bytearray(self.path("rerank.h5").read_bytes())
        damaged[len(damaged) // 2] ^= 1
        self.write("damaged.h5", bytes(damaged))
        self.run_well(0, "ingest", "--input", "shop/events-00000.csv", "--columns", COLUMNS, "--output", "other.h5")
        self.run_well(0, "features", "--dataset", "other.h5", "--input", "shop/events-00000.csv", "--output", "foreign.h5")
        self.run_well(0, "features", "--dataset", "data.h5", "--input", "shop/events-*.csv", "--windows", "3,9", "--output",
                      "windows.h5")
        for code, words, options in (
                (BAD_INPUT, "damaged.h5", ["--rerank", "damaged.h5", *models]),
                (BAD_INPUT, "als.h5", ["--rerank", "als.h5", *models]),
                (STORAGE, "not-there.h5", ["--rerank", "not-there.h5", *models]),
                (USAGE, "als, itemknn", ["--rerank", "plain.h5", "--model", "knn.h5", "als.h5"]),
                (USAGE, "als, itemknn", ["--rerank", "plain.h5", "--model", "als.h5"]),
                (USAGE, "give --features", ["--rerank", "rerank.h5", *models]),
                (USAGE, "without features", ["--rerank", "plain.h5", *models, "--features", "now.h5"]),
                (USAGE, "events_1d", ["--rerank", "rerank.h5", *models, "--features", "windows.h5"]),
                (BAD_INPUT, "another data set", ["--rerank", "rerank.h5", *models, "--features", "foreign.h5"]),
                (USAGE, "several models", models),
                (USAGE, "--features is for --rerank", ["--model", "als.h5", "--features", "now.h5"]),
                (USAGE, "not yet, because", ["--rerank", "plain.h5", *models, "--explain", "3"]),
                (USAGE, "--exact-filter", ["--rerank", "plain.h5", *models, "--exact-filter"]),
                (USAGE, "40 candidates", ["--rerank", "plain.h5", *models, "--n", "41"])):
            for ranks in (0, 3) if words in ("damaged.h5", "events_1d", "40 candidates") else (0,):
                self.run_badly(ranks, code, [words], *recommend, *options)
        evaluate = ["evaluate", "--dataset", "data.h5", "--rerank", "plain.h5"]
        for words, options in (("learned from the very pairs", ["--model", "als.part.h5", "knn.part.h5"]),
                               ("another --hold-out", ["--model", "als.part.h5", "knn.random.h5"]),
                               ("--beside als.part.h5", [*models, "--beside", "als.part.h5"]),
                               ("--known", [*models, "--known", "2"])):
            self.run_badly(0, USAGE, [words], *evaluate, *options)


if __name__ == "__main__":
    unittest.main()
