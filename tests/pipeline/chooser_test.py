"""Lists made of several sources, and places kept for new items: a shop of two kinds of things where a few users have little."""

import json
import math
import random
import statistics
import unittest

from support import BAD_INPUT, STORAGE, USAGE, SharedFolderTest, lists_of, parts_planned

NUM_ITEMS, NUM_USERS, NUM_NEW, N = 60, 120, 6, 10


def kind_of(item):
    return "tea" if item % 2 else "screws"


class Chooser(SharedFolderTest):
    def fill(self):
        draw = random.Random(5)
        log, self.has = ["user,item"], {}
        for user in range(NUM_USERS):
            liked = [item for item in range(NUM_ITEMS) if item % 2 == user % 2]
            self.has[f"u{user}"] = {f"i{item}" for item in draw.sample(liked, 2 if user % 10 == 3 else 9)}
            log += [f"u{user},{item}" for item in sorted(self.has[f"u{user}"])]
        type(self).has = self.has
        self.write("log.csv", "\n".join(log) + "\n")
        self.write("items.csv", "item,name,group\n" + "".join(
            f"i{item},{kind_of(item)} {item},{kind_of(item)}\n" for item in range(NUM_ITEMS + NUM_NEW)))
        self.write("users.txt", "".join(f"u{user}\n" for user in range(NUM_USERS)) + "stranger\n")
        self.run_well(3, "ingest", "--input", "log.csv", "--columns", "user=user,item=item", "--items", "items.csv",
                      "--items-unknown", "add", "--output", "data.h5")
        for name, split in (("", []), ("part-", ["--hold-out", "random", "--hold-out-share", "0.3"])):
            self.run_well(0, "train", "als", "--dataset", "data.h5", "--k", "8", *split, "--output", name + "als.h5")
            self.run_well(0, "train", "content", "--dataset", "data.h5", "--tags", "group", "--k", "0", *split, "--output",
                          name + "content.h5")

    def recommend(self, ranks, *options):
        self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", "als.h5", "--n", str(N), "--users", "users.txt",
                      *options, "--output", f"lists-{ranks}")
        results = self.record(f"lists-{ranks}/run.json")["results"]
        return lists_of(self.path(f"lists-{ranks}")), results["recommend"], results["lists"]["digest"]

    def both(self, *options):
        """The lists on one rank, which are those on three; always full, nothing twice, nothing known."""
        lists, results, digest = self.recommend(0, *options)
        others, more, other_digest = self.recommend(3, *options)
        self.assertEqual(digest, other_digest)
        self.assertEqual(lists, others)
        self.assertEqual([results["sources"], results.get("new_items")], [more["sources"], more.get("new_items")])
        self.assertEqual(len(lists), NUM_USERS + 1)
        for user, places in lists.items():
            items = [place[1] for place in places]
            self.assertEqual(len(set(items)), N)
            self.assertFalse(set(items) & self.has.get(user, set()))
        counted = {}
        for places in lists.values():
            for place in places:
                counted.setdefault(place[4], []).append(place[1])
        self.assertEqual({name: (source["places"], source["items"]) for name, source in results["sources"].items()
                          if source["places"]}, {name: (len(items), len(set(items))) for name, items in counted.items()})
        return lists, results

    def test_every_user_gets_the_best_source_there_is(self):
        lists, _ = self.both("--min-evidence", "5", "--fallback", "content.h5", "--category-attribute", "group")
        for user, places in lists.items():
            few = len(self.has.get(user, [])) < 5
            wanted = "popular" if user == "stranger" else "content" if few else "als"
            self.assertEqual({place[4] for place in places}, {wanted}, user)
            if wanted == "content":
                self.assertEqual({int(place[1][1:]) % 2 for place in places}, {int(user[1:]) % 2})

    def test_categories_of_the_user_come_before_all_that_is_popular(self):
        lists, _ = self.both("--min-evidence", "5", "--category-attribute", "group")
        holders = {}
        for items in self.has.values():
            for item in items:
                holders[item] = holders.get(item, 0) + 1
        for user, places in lists.items():
            if len(self.has.get(user, [])) >= 5 or user == "stranger":
                continue
            self.assertEqual({place[4] for place in places}, {"category"})
            same = {item: count for item, count in holders.items() if int(item[1:]) % 2 == int(user[1:]) % 2}
            best = sorted((count for item, count in same.items() if item not in self.has[user]), reverse=True)[:N]
            self.assertEqual([holders[place[1]] for place in places], best)
            for place in places:
                self.assertAlmostEqual(place[3], holders[place[1]] / sum(same.values()), 6)

    def test_new_items_have_the_last_places_and_their_share(self):
        lists, results = self.both("--fallback", "content.h5", "--new-share", "0.25")
        with_new = 0
        for user, places in lists.items():
            marks = [place[4] == "new" for place in places]
            self.assertEqual(marks, sorted(marks))
            self.assertEqual(marks, [int(place[1][1:]) >= NUM_ITEMS for place in places])
            self.assertIn(sum(marks), [0] if user == "stranger" else [2, 3])
            with_new += sum(marks)
        new = results["new_items"]
        self.assertEqual((new["places"], new["items"], new["items_shown"]), (with_new, NUM_NEW, NUM_NEW))
        self.assertAlmostEqual(new["share_given"], with_new / N / (NUM_USERS + 1), 9)
        self.assertAlmostEqual(new["share_given"], 0.25, delta=0.02)

    def test_evaluate_measures_the_lists_beside_the_model(self):
        found = [self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", "part-als.h5", "--at", "10", "--json",
                               "--replicates", "50", "--segments", "3,7", "--min-evidence", "1000", "--fallback",
                               "part-content.h5").json() for ranks in (0, 3)]
        self.assertEqual(*found)
        alone = {name: self.run_well(2, "evaluate", "--dataset", "data.h5", "--model", f"part-{name}.h5", "--at", "10",
                                     "--json", "--replicates", "50", "--segments", "3,7").json() for name in ("als", "content")}
        self.assertEqual(found[0]["model"], "als, chosen lists")
        for of_all, model, content in [(found[0], alone["als"], alone["content"]),
                                       *zip(found[0]["segments"], alone["als"]["segments"], alone["content"]["segments"])]:
            self.assertEqual(of_all["users"], model["users"])
            if of_all["users"]:
                self.assertEqual(of_all["baseline"]["ndcg@10"], model["ndcg@10"])
                self.assertEqual(of_all["recall@10"], content["recall@10"])
        self.assertEqual(sum(segment["users"] for segment in found[0]["segments"]), found[0]["users"])
        self.assertGreater(found[0]["segments"][0]["users"], 0)

    def test_what_is_popular_by_category_is_measured_beside_popularity(self):
        base = ["evaluate", "--dataset", "data.h5", "--model", "part-als.h5", "--at", "10", "--replicates", "50", "--segments",
                "3,7"]
        found = [self.run_well(ranks, *base, "--json", "--category-baseline", "group").json() for ranks in (0, 3)]
        self.assertEqual(*found)
        self.assertEqual(found[0]["category_attribute"], "group")
        lists = self.run_well(2, *base, "--json", "--min-evidence", "1000000", "--category-attribute", "group").json()
        for beside, chosen in [(found[0], lists), *zip(found[0]["segments"], lists["segments"])]:
            for name in ("recall@10", "ndcg@10") if beside["users"] else ():
                self.assertEqual(beside["category_baseline"][name], chosen[name])
                self.assertAlmostEqual(beside["category_difference"][name]["value"], -chosen["difference"][name]["value"], 9)
        self.assertEqual(found[0]["category_baseline"]["coverage@10"], lists["coverage@10"])
        self.assertGreater(found[0]["category_baseline"]["recall@10"]["value"],
                           found[0]["baseline"]["recall@10"]["value"])  # everybody buys of one kind here
        self.assertIn("popular by 'group'", self.run_well(2, *base, "--category-baseline", "group").out)
        self.assertIn("without popularity by category: the items have no attribute 'category'", self.run_well(2, *base).out)
        self.assertNotIn("category_baseline", lists)
        self.run_badly(2, USAGE, ["--category-baseline", "did you mean 'group'"], *base, "--category-baseline", "grup")
        # Given by its usual name it is wanted as by any other.
        self.run_badly(2, USAGE, ["--category-baseline category", "did you mean"], *base, "--category-baseline", "category")
        self.run_badly(2, USAGE, ["--category-baseline", "popularity"], *base, "--category-baseline", "category", "--beside",
                       "part-content.h5")
        self.assertNotIn("popularity by category", self.run_well(2, *base, "--category-baseline", "").out)
        self.run_badly(2, USAGE, ["--category-baseline", "popularity"], *base, "--category-baseline", "group", "--fallback",
                       "part-content.h5")

    def test_the_threshold_is_learned_on_what_is_held_out(self):
        text = ["evaluate", "--dataset", "data.h5", "--model", "part-als.h5", "--fallback", "part-content.h5", "--at", "10",
                "--json", "--replicates", "100"]
        learned = [self.run_well(ranks, *text, "--learn-min-evidence").json()["min_evidence"] for ranks in (0, 3)]
        self.assertEqual(*learned)
        alone, found = [self.run_well(2, *text, "--min-evidence", str(evidence)).json()["ndcg@10"]["value"]
                        for evidence in (1, learned[0]["learned"])]
        self.assertAlmostEqual(learned[0]["gain"]["value"], found - alone, 9)
        self.assertGreater(learned[0]["gain"]["low"], 0)  # all items of a kind are alike in this shop: content knows best

    def test_lists_keep_to_the_threshold_that_was_learned(self):
        self.run_well(2, "evaluate", "--dataset", "data.h5", "--model", "part-als.h5", "--fallback", "part-content.h5", "--at",
                      "10", "--replicates", "100", "--learn-min-evidence", "--run-record", "learned.json")
        found = self.record("learned.json")["results"]["min_evidence"]
        self.assertEqual((found["model"], found["filled_by"]), ("als", ["content", "popular"]))
        self.write("five.json", json.dumps({"min_evidence": {**found, "learned": 5}}))
        for name, pairs in (("learned.json", found["learned"]), ("five.json", 5)):
            lists, results = self.both("--min-evidence-from", name, "--fallback", "content.h5")
            self.assertEqual(results["min_evidence"], {"pairs": pairs, "from": f"learned: {name}",
                                                       "learned": {**found, "learned": pairs}})
            for user, places in lists.items():
                if user != "stranger":
                    few = len(self.has[user]) < pairs
                    self.assertEqual({place[4] for place in places}, {"content" if few else "als"}, user)
        self.write("one.json", json.dumps({"min_evidence": {**found, "learned": 1}}))
        kept = self.recommend(2, "--min-evidence-from", "one.json", "--fallback", "content.h5")[1]["min_evidence"]
        self.assertEqual(kept, {"pairs": 1, "from": "default", "learned": {**found, "learned": 1}})
        plain = self.recommend(2, "--fallback", "content.h5")[1]["min_evidence"]
        self.assertEqual(plain, {"pairs": 1, "from": "default"})
        given = self.recommend(2, "--min-evidence", "5", "--fallback", "content.h5")
        self.assertEqual(given[1]["min_evidence"], {"pairs": 5, "from": "given"})
        self.assertEqual(given[0], lists)

    def test_a_fallback_has_a_threshold_of_its_own(self):
        """One factor says less than the user's categories."""
        for name, split in (("", []), ("part-", ["--hold-out", "random", "--hold-out-share", "0.3"])):
            self.run_well(0, "train", "als", "--dataset", "data.h5", "--k", "1", *split, "--output", name + "one.h5")
        learn = ["--at", "10", "--replicates", "100", "--category-attribute", "group", "--learn-min-evidence", "--json"]
        for ranks in (0, 3):
            found = self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", "part-content.h5", "--fallback",
                                  "part-als.h5", "part-one.h5", *learn).json()["min_evidence"]
            apart = [self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", model, *after, *learn).json()["min_evidence"]
                     for model, after in (("part-one.h5", []), ("part-als.h5", ["--fallback", "part-one.h5"]))]
            self.assertEqual(found["fallbacks"], [apart[1]["learned"], apart[0]["learned"]])
            self.assertEqual(apart[1]["fallbacks"], [apart[0]["learned"]])
            self.assertGreater(found["fallbacks"][1], 1)
        given = ["--min-evidence", "1000", "--fallback", "one.h5", "--category-attribute", "group", "--fallback-evidence", "5"]
        lists, results = self.both(*given)
        self.assertEqual(results["min_evidence"]["fallbacks"], [5])
        for user, places in lists.items():
            wanted = "popular" if user == "stranger" else "category" if len(self.has[user]) < 5 else "als 2"
            self.assertEqual(places[0][4], wanted, user)
            self.assertTrue(wanted == "als 2" or "als 2" not in {place[4] for place in places}, user)
        self.write("fallback.json", json.dumps({"min_evidence": {**found, "model": "als", "learned": 1000, "fallbacks": [5],
                                                                 "filled_by": ["als 2", "category 'group'", "popular"]}}))
        self.assertEqual(self.recommend(2, "--min-evidence-from", "fallback.json", *given[2:6])[0], lists)
        self.write("two.json", json.dumps({"min_evidence": {**found, "model": "als", "filled_by": ["als 2", "category 'group'", "popular"]}}))
        for words, more in (("--fallback-evidence: give a number for each", ["--fallback-evidence", "5", "6"]),
                            ("--fallback-evidence: given, and in", ["--min-evidence-from", "fallback.json", "--fallback-evidence", "5"]),
                            ("two.json: has 2 numbers of pairs for fallbacks ('fallbacks'); these lists have 1", ["--min-evidence-from", "two.json"])):
            self.run_badly(2, USAGE, words, "recommend", "--dataset", "data.h5", "--model", "als.h5", *given[2:6], *more, "--output", "never")

    def test_a_fallback_is_learned_by_the_lists_that_it_serves(self):
        """The reference are the lists of recommend with and without the fallback, against the pairs that are tested."""
        made, classes, has, test, draw = 120, 6, {}, {}, random.Random(8)
        for user in range(200):
            few = user < 120  # of items that have a shelf and nothing else
            liked = range(made + user % 2, made + 20, 2) if few else range(user % classes, made, classes)
            drawn = draw.sample(liked, 6 if few else 13)
            has[f"u{user}"], test[f"u{user}"] = drawn[:2 if few else 9], drawn[2 if few else 9:]
        for name, pairs in (("known", has), ("test", test)):
            self.write(f"{name}.csv", "user,item\n" + "".join(f"{user},i{item}\n" for user in pairs for item in pairs[user]))
        self.write("made.csv", "item,maker,letter,shelf\n" + "".join(
            f"i{item}," + (f"{item % classes},{draw.choice('abcdef')}," if item < made else f",,{item % 2}") + "\n"
            for item in range(made + 20)))
        self.run_well(2, "ingest", "--input", "known.csv", "--columns", "user=user,item=item", "--items", "made.csv", "--output",
                      "made.h5")
        for tags in ("maker", "letter"):
            self.run_well(0, "train", "content", "--dataset", "made.h5", "--tags", tags, "--k", "0", "--output", f"{tags}.h5")

        def gains(*options):
            """In NDCG@10 of lists without the fallback over those with it, by the user's number of pairs."""
            found = []
            for fallback in ([], options[:2]):
                self.run_well(0, "recommend", "--dataset", "made.h5", "--model", "maker.h5", "--min-evidence", "1000", "--n", "10",
                              *fallback, *options[2:], "--output", "made-lists")
                lists = lists_of(self.path("made-lists"))
                found.append({user: sum(1 / math.log2(rank + 2) for rank, place in enumerate(lists[user])
                                        if int(place[1][1:]) in test[user]) for user in test})
            return {count: [found[0][user] - found[1][user] for user in test if len(has[user]) == count] for count in (2, 9)}

        for options, best in ((["--fallback", "maker.h5", "--category-attribute", "shelf"], 1),
                              (["--fallback", "letter.h5", "--category-attribute", "maker"], 10)):
            of = gains(*options)
            self.assertEqual(set(of[2]), {0})  # the fallback knows nothing of them and leaves their lists as they are
            spread = 4 * statistics.stdev(of[9]) / math.sqrt(len(of[9]))
            self.assertTrue(statistics.mean(of[9]) > spread if best > 9 else statistics.mean(of[9]) < -spread)
            for ranks in (0, 3):
                learned = self.run_well(ranks, "evaluate", "--dataset", "made.h5", "--model", "maker.h5", "--test", "test.csv",
                                        "--test-columns", "user=user,item=item", "--at", "10", "--replicates", "100", *options,
                                        "--learn-min-evidence", "--json").json()["min_evidence"]
                self.assertEqual(learned["fallbacks"], [best])

    def test_a_run_learns_its_threshold_and_keeps_to_it(self):
        self.write("run.toml", '[run]\noutput = "ran"\nrefit = false\npush = false\nsimilar-n = 0\n[ingest]\n'
                   'input = ["log.csv"]\ncolumns = { user = "user", item = "item" }\nitems = ["items.csv"]\n'
                   '[train]\nk = 1\nhold-out = "random"\nhold-out-share = 0.3\n[evaluate]\nat = [10]\nreplicates = 100\n'
                   '[recommend]\nn = 10\nlearn-min-evidence = true\ncategory-attribute = "group"\n')
        self.run_well(3, "run", "--config", "run.toml")
        results = self.record("ran/run.json")["results"]
        apart = self.run_well(0, "evaluate", "--dataset", "ran/data.h5", "--model", "ran/model.h5", "--at", "10",
                              "--replicates", "100", "--learn-min-evidence", "--category-attribute", "group", "--json").json()
        learned = results["recommend"]["min_evidence"]["learned"]
        self.assertNotIn("min_evidence", results["evaluation"])  # which is of the model, not of what fills its lists
        self.assertEqual(learned, apart["min_evidence"])
        self.assertEqual(learned["filled_by"], ["category 'group'", "popular"])
        self.assertGreater(learned["learned"], 1)  # one factor says less than categories
        self.assertEqual(results["recommend"]["min_evidence"],
                         {"pairs": learned["learned"], "from": "learned in this run", "learned": learned})
        self.assertGreater(results["evaluation"]["coverage@10"]["value"], 0)
        self.assertEqual(results["evaluation"]["model"], "als")
        self.run_badly(2, USAGE, ["learn-min-evidence", "held out"], "run", "--config", "run.toml", "--train.hold-out", "none")

    def test_the_plan_holds_further_models_and_places_for_new_items(self):
        chosen = ["--fallback", "content.h5", "--new-share", "0.2", "--category-attribute", "group"]
        for verb, base, options in (
                ("recommend", ["--model", "als.h5", "--output", "planned"], chosen),
                ("evaluate", ["--model", "part-als.h5"], ["--fallback", "part-content.h5", *chosen[2:]])):
            plain, more = [parts_planned(self.run_well(2, verb, "--dataset", "data.h5", *base, *words).err, verb)
                           for words in ([], options)]
            self.assertEqual(set(plain) & {"further models"}, {"further models"})
            for part in ("further models", "marks of new items", "lists of new items", "lists of further sources",
                         "categories of items, and what is popular in them"):
                self.assertEqual(plain[part], 0, part)
                self.assertGreater(more[part], 0, part)
            budget = ["--memory-per-rank", str(int(sum(plain.values()) + (sum(more.values()) - sum(plain.values())) / 2))]
            self.run_well(2, verb, "--dataset", "data.h5", *base, *budget)
            self.run_badly(2, USAGE, "--memory-per-rank", verb, "--dataset", "data.h5", *base, *options, *budget)

    def test_refusals(self):
        base = ["--dataset", "data.h5", "--model", "als.h5"]
        for words, options in ((["--new-share 2"], ["--new-share", "2"]),
                               (["--min-evidence -1"], ["--min-evidence", "-1"]),
                               (["--fallback-evidence -1"], ["--fallback", "never read", "--fallback-evidence", "-1"]),
                               (["--new-days", "no times"], ["--new-share", "0.1", "--new-days", "3"]),
                               (["--category-attribute", "did you mean 'group'"], ["--category-attribute", "grup"])):
            for ranks in (0, 3):
                self.run_badly(ranks, USAGE, words, "recommend", *base, *options, "--output", "never")
        self.write("learned.json", json.dumps({"results": {"min_evidence": {
            "learned": 3, "model": "als", "filled_by": ["content", "popular"], "gain": {"value": 1, "low": 1, "high": 1}}}}))
        for code, words, options in ((USAGE, "these are of als filled by popular", ["--min-evidence-from", "learned.json"]),
                                     (USAGE, "choose one", ["--min-evidence-from", "learned.json", "--min-evidence", "3"]),
                                     (BAD_INPUT, "--learn-min-evidence", ["--min-evidence-from", "items.csv"]),
                                     (STORAGE, "nowhere.json", ["--min-evidence-from", "nowhere.json"])):
            for ranks in (0, 3):
                self.run_badly(ranks, code, words, "recommend", *base, *options, "--output", "never")
        self.run_badly(2, USAGE, ["--learn-min-evidence"], "evaluate", *base, "--learn-min-evidence", "--min-evidence", "3")
        self.run_badly(2, USAGE, ["--fallback", "--hold-out"], "evaluate", "--dataset", "data.h5", "--model", "part-als.h5",
                       "--fallback", "content.h5")


if __name__ == "__main__":
    unittest.main()
