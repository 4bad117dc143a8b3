"""Newcomers are taken into a model: the same bits on any number of ranks, and lists for them that beat popularity."""

import csv
import unittest

from support import BAD_INPUT, USAGE, SharedFolderTest, parts_planned

COLUMNS = "user=user,item=item,type=type,time=time"


class FoldIn(SharedFolderTest):
    def fill(self):
        """A log in two halves by users; of every newcomer one event in four is kept for the test."""
        self.run_well(0, "synth", "--users", "900", "--items", "300", "--events", "40000", "--files", "1", "--output", "log",
                      *[f"--dirt-{kind}=0" for kind in ("missing-user", "missing-item", "garbage", "service-code")])
        source, = self.path("log").glob("events-*.csv")
        with open(source, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file)]
        parts = {"old": [], "new": [], "test": []}
        seen = {}
        for row in rows:
            line = f"{row['user']},{row['item']},{row['type']},{row['time']}"
            if hash_of(row["user"]) % 3:
                parts["old"].append(line)
            else:
                seen.setdefault(row["user"], set()).add(row["item"])
                parts["test" if hash_of(row["user"] + row["item"]) % 4 == 0 else "new"].append(line)
        parts["new"].append("stranger,no-such-item,view,2025-01-01T00:00:00Z")
        for name, lines in parts.items():
            self.write(f"{name}.csv", "user,item,type,time\n" + "\n".join(lines) + "\n")
        for name in ("old", "new"):
            self.run_well(2, "ingest", "--input", f"{name}.csv", "--columns", COLUMNS, "--users", "log/users.csv", "--output",
                          f"{name}.h5")

    def train(self, family, *options):
        self.run_well(2, "train", family, *options, "--dataset", "old.h5", "--output", f"{family}.h5")

    def fold(self, ranks, family, output, **options):
        return self.run_well(ranks, "fold-in", "--dataset", "old.h5", "--model", f"{family}.h5", "--newcomers", "new.h5",
                             "--output", output, **options)

    def digests(self, folder):
        return [self.run_well(0, "info", f"{folder}/{name}.h5", "--json").json()["digest"] for name in ("data", "model")]

    def test_same_bits_and_good_lists(self):
        for family, options in (("als", ["--k", "16", "--sweeps", "5"]), ("spectral", ["--k", "8", "--neighbours", "50"]),
                                ("itemknn", ["--neighbours", "30"])):
            with self.subTest(family=family):
                self.train(family, *options)
                ended = self.fold(2, family, family)
                self.assertIn("1 pairs of items that the model does not know are left out, and 1 users", ended.err)
                for ranks, threads in ((1, 2), (3, 1), (4, 1), (7, 1)):
                    self.fold(ranks, family, f"{family}-{ranks}", threads=threads)
                    self.assertEqual(self.digests(f"{family}-{ranks}"), self.digests(family))
                metrics = self.run_well(2, "evaluate", "--dataset", f"{family}/data.h5", "--model", f"{family}/model.h5",
                                        "--test", "test.csv", "--test-columns", "user=user,item=item", "--at", "20",
                                        "--json").json()
                self.assertGreater(metrics["users"], 100)
                self.assertGreater(metrics["recall@20"]["low"], metrics["baseline"]["recall@20"]["value"])
                self.run_well(3, "recommend", "--dataset", f"{family}/data.h5", "--model", f"{family}/model.h5", "--output",
                              f"{family}/lists", "--explain", "2")

    def test_attributes_stand_in_for_events(self):
        self.run_well(2, "train", "als", "--k", "16", "--sweeps", "5", "--user-attributes", "country", "age_group", "--dataset",
                      "old.h5", "--output", "mapped.h5")
        self.write("profiles.csv", "user,age_group\nfirst,18-24\nsecond,unheard of\nthird,\nfirst,25-34\n")
        command = ["fold-in", "--dataset", "old.h5", "--model", "mapped.h5", "--newcomers", "new.h5", "--users",
                   "profiles.csv"]
        ended = self.run_well(2, *command, "--output", "mapped")
        self.assertIn("and 4 users are left without any", ended.err)  # the stranger and these
        for ranks in (1, 7):
            self.run_well(ranks, *command, "--output", f"mapped-{ranks}")
            self.assertEqual(self.digests(f"mapped-{ranks}"), self.digests("mapped"))
        self.write("who.txt", "first\nsecond\nthird\n")
        self.run_well(2, "recommend", "--dataset", "mapped/data.h5", "--model", "mapped/model.h5", "--users", "who.txt",
                      "--n", "5", "--explain", "2", "--output", "lists")
        lists = self.lists_by_user("lists")
        self.assertEqual({user: len(entries) for user, entries in lists.items()}, {"first": 5, "second": 5, "third": 5})
        self.assertEqual({entry[1] for entry in lists["first"]}, {"als"})
        self.assertEqual(lists["second"], lists["third"])  # an unknown value says as much as none
        self.assertNotEqual(lists["first"], lists["third"])
        # One pair that is asked for holds, though the default asks for none where attributes are mapped.
        self.run_well(2, "recommend", "--dataset", "mapped/data.h5", "--model", "mapped/model.h5", "--users", "who.txt",
                      "--n", "5", "--min-evidence", "1", "--output", "asked")
        self.assertEqual({entry[1] for entry in self.lists_by_user("asked")["first"]}, {"popular"})

    def lists_by_user(self, folder):
        lists = {}
        for path in sorted(self.path(folder).glob("part-*.csv")):
            with open(path, newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    lists.setdefault(row["user"], []).append((row["item"], row["source"], row["score"]))
        return lists

    def test_cold_users(self):
        self.run_well(2, "train", "als", "--k", "16", "--sweeps", "5", "--user-attributes", "age_group", "--hold-out", "users",
                      "--hold-out-share", "0.2", "--dataset", "old.h5", "--output", "cold.h5")
        command = ["evaluate", "--dataset", "old.h5", "--model", "cold.h5", "--at", "20", "--replicates", "100", "--json"]
        ended = {n: self.run_well(2, *command, "--known", n) for n in (0, 1, 10)}
        known = {n: run.json() for n, run in ended.items()}
        parts = {n: parts_planned(run.err, "evaluate") for n, run in ended.items()}
        for part in ("known pairs of what is held out", "training part with what is known"):
            self.assertEqual(parts[0][part], 0)
            self.assertGreater(parts[1][part], 0)
        self.assertGreater(parts[10]["known pairs of what is held out"], parts[1]["known pairs of what is held out"])
        self.assertGreater(parts[1]["models with newcomers"], 0)
        self.assertNotIn("models with newcomers", parts[0])
        self.assertEqual(self.run_well(3, *command, "--known", 1).json(), known[1])
        self.assertEqual(self.run_well(0, *command).json(), known[0])
        self.assertEqual(known[0]["pairs"] - known[1]["pairs"], known[0]["users"])  # one of each is not tested on
        self.assertGreater(known[10]["recall@20"]["value"], known[10]["baseline"]["recall@20"]["value"])
        self.run_badly(2, USAGE, "--known", *command, "--known", "-1")
        self.train("popular")
        self.run_badly(2, USAGE, "--hold-out users", "evaluate", "--dataset", "old.h5", "--model", "popular.h5", "--known", "1")
        self.run_badly(2, USAGE, "did you mean 'country'", "train", "als", "--dataset", "old.h5", "--user-attributes", "county",
                       "--output", "none.h5")

    def test_new_items(self):
        """A fifth of the items is first seen in a later log, in which strangers buy, too."""
        with open(self.path("old.csv"), newline="", encoding="utf-8") as file:
            rows = [tuple(row.values()) for row in csv.DictReader(file)]
        with open(self.path("new.csv"), newline="", encoding="utf-8") as file:
            of_strangers = [tuple(row.values()) for row in csv.DictReader(file)][:50]
        is_late = lambda item: hash_of(item) % 5 == 0
        seen = {row[0] for row in rows if not is_late(row[1])}
        late = [row for row in rows if is_late(row[1]) and row[0] in seen]
        parts = {"before": [row for row in rows if not is_late(row[1])],
                 "later": [row for row in late if hash_of(row[0] + row[1]) % 2] + of_strangers,
                 "tested": [row for row in late if hash_of(row[0] + row[1]) % 2 == 0]}
        for name, part in parts.items():
            self.write(f"{name}.csv", "\n".join(["user,item,type,time", *map(",".join, part)]) + "\n")
        for name in ("before", "later"):
            self.run_well(2, "ingest", "--input", f"{name}.csv", "--columns", COLUMNS, "--output", f"{name}.h5")
        known, new = ({row[1] for row in parts[name]} for name in ("before", "later"))
        new -= known
        self.write("late.csv", "item,name\nnobody-had-it,Of this morning\n" +
                   "".join(f"{item},Late {item}\n" for item in sorted(new)))
        self.run_well(2, "train", "als", "--k", "16", "--sweeps", "5", "--dataset", "before.h5", "--output", "before-als.h5")
        command = ["fold-in", "--dataset", "before.h5", "--model", "before-als.h5", "--new-items", "later.h5", "--items",
                   "late.csv"]
        ended = self.run_well(2, *command, "--output", "grown", "--json")
        count = ended.json()["new_items"]
        parts = parts_planned(ended.err, "fold-in --new-items")
        for part in ("data set", "model with new items", "pairs that are merged", "factors of their users"):
            self.assertGreater(parts[part], 0)
        pairs = self.run_well(0, "info", "grown/data.h5", "--json").json()["datasets"]["by_item/indices"]["rows"]
        # By user and by item an index of 8 bytes and a value of 4; beside those by user a time of 8.
        self.assertGreater(2 * parts["data set with new items"], pairs * (12 + 12 + 8))
        total, of_inputs = sum(parts.values()), sum(parts_planned(ended.err, "fold-in").values())
        self.assertGreater(0.9 * total, of_inputs)
        self.run_badly(2, USAGE, "fold-in --new-items", *command, "--memory-per-rank", int(0.9 * total), "--output", "none")
        self.assertEqual(count["items"], len(new) + 1)
        stored = self.run_well(0, "info", "later.h5", "--json").json()["datasets"]["by_item/indices"]["rows"]
        self.assertEqual(count["pairs"] + count["pairs_of_unknown_users"], stored)
        self.assertGreater(count["pairs_of_unknown_users"], 0)
        self.assertGreater(count["pairs"], count["pairs_of_unknown_users"])
        for ranks, threads in ((1, 2), (3, 1), (4, 1), (7, 1)):
            self.run_well(ranks, *command, "--output", f"grown-{ranks}", threads=threads)
            self.assertEqual(self.digests(f"grown-{ranks}"), self.digests("grown"))
        paths = ["--dataset", "grown/data.h5", "--model", "grown/model.h5"]
        metrics = self.run_well(2, "evaluate", *paths, "--test", "tested.csv", "--test-columns", "user=user,item=item",
                                "--at", "20", "--json").json()
        self.assertGreater(metrics["users"], 100)
        self.assertGreater(metrics["recall@20"]["low"], metrics["baseline"]["recall@20"]["value"])
        self.run_well(2, "recommend", *paths, "--n", "20", "--output", "grown/lists")
        shown = {item for entries in self.lists_by_user("grown/lists").values() for item, _, _ in entries}
        self.assertGreater(len(shown & new), len(new) / 2)
        self.run_well(3, "similar", *paths, "--n", "5", "--output", "grown/similar")

        options = ["--dataset", "old.h5", "--k", "16", "--sweeps", "5", "--hold-out", "items", "--hold-out-share", "0.2"]
        self.run_well(2, "train", "als", *options, "--output", "cold-items.h5")
        evaluate = ["evaluate", "--dataset", "old.h5", "--model", "cold-items.h5", "--among", "cold", "--at", "20",
                    "--replicates", "100", "--json"]
        cold = {n: self.run_well(2, *evaluate, "--known", n).json() for n in (0, 1, 20)}
        self.assertEqual(self.run_well(3, *evaluate, "--known", 1).json(), cold[1])
        self.assertLess(cold[20]["pairs"], cold[1]["pairs"])
        self.assertGreater(cold[20]["recall@20"]["low"], cold[20]["baseline"]["recall@20"]["high"])
        # Items with 60 known pairs are among the 100 most popular of 300; with none they come behind those with any.
        at_100 = ["evaluate", "--dataset", "old.h5", "--model", "cold-items.h5", "--at", "100", "--replicates", "0", "--json"]
        popular = {n: self.run_well(2, *at_100, "--known", n).json()["baseline"]["recall@100"]["value"] for n in (0, 60)}
        self.assertLess(popular[0], 0.05)
        self.assertGreater(popular[60], 0.95)

        self.run_badly(2, USAGE, "give the data set", *command, "--newcomers", "new.h5", "--output", "none")
        self.run_badly(2, USAGE, "--users is for --newcomers", *command, "--users", "log/users.csv", "--output", "none")
        self.run_badly(2, USAGE, "--items is for --new-items", "fold-in", "--dataset", "before.h5", "--model",
                       "before-als.h5", "--newcomers", "new.h5", "--items", "late.csv", "--output", "none")
        self.run_well(2, "train", "itemknn", "--dataset", "before.h5", "--output", "before-knn.h5")
        ended = self.run_badly(2, USAGE, "cannot take new items in", "fold-in", "--dataset", "before.h5", "--model",
                               "before-knn.h5", "--new-items", "later.h5", "--output", "none")
        self.assertNotIn("planned per rank for fold-in --new-items", ended.err)  # refused before any work
        ended = self.run_badly(2, USAGE, "--pair-weight 0", *command, "--pair-weight", "0", "--output", "none")
        self.assertNotIn("planned per rank for fold-in --new-items", ended.err)
        self.assert_nothing_partial()

    def test_refusals(self):
        self.train("userknn", "--neighbours", "20")
        command = ["fold-in", "--dataset", "old.h5", "--newcomers", "new.h5", "--output", "none"]
        self.run_badly(2, USAGE, "made of other users", *command, "--model", "userknn.h5")
        self.train("popular")
        self.run_badly(2, USAGE, "--newcomers", "fold-in", "--dataset", "old.h5", "--model", "popular.h5", "--output", "none")
        self.run_badly(2, BAD_INPUT, "'dataset'", *command[:3], "--newcomers", "popular.h5", "--output", "none", "--model",
                       "popular.h5")
        self.assert_nothing_partial()


def hash_of(text):
    """The same in every process."""
    value = 17
    for byte in text.encode():
        value = (value * 31 + byte) % 1_000_003
    return value


if __name__ == "__main__":
    unittest.main()
