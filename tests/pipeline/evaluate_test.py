"""Evaluation against metrics computed here from the lists alone, for every way of holding pairs out."""

import csv
import math
import random
import unittest

from support import PipelineTest, lists_of

N = 10


def make_log(num_users=120, num_items=60, seed=3):
    """Purchases over 100 days by users of two tastes; (user, item, day)."""
    draw = random.Random(seed)
    rows = []
    for user in range(num_users):
        liked = [item for item in range(num_items) if item % 2 == user % 2 or draw.random() < 0.15]
        for item in draw.sample(liked, draw.randrange(6, 16)):
            rows.append((f"u{user}", f"i{item}", draw.randrange(100)))
    return rows


def as_csv(rows):
    return "user,item,time\n" + "".join(f"{user},{item},{1_700_000_000 + 86_400 * day + 60}\n" for user, item, day in rows)


def metrics_of(lists, held_out, n):
    """Means over the users with held-out items; the ideal list of a user has min(n, held-out items) hits at its top."""
    sums = dict.fromkeys(("recall", "precision", "ndcg", "map", "mrr", "hit_rate"), 0.0)
    for user, wanted in held_out.items():
        hits = [row[1] in wanted for row in lists[user][:n]]
        found = sum(hits)
        sums["recall"] += found / len(wanted)
        sums["precision"] += found / n
        ideal = sum(1 / math.log2(rank + 2) for rank in range(min(n, len(wanted))))
        sums["ndcg"] += sum(1 / math.log2(rank + 2) for rank, hit in enumerate(hits) if hit) / ideal
        sums["map"] += sum(sum(hits[:rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit) / min(n, len(wanted))
        sums["mrr"] += next((1 / (rank + 1) for rank, hit in enumerate(hits) if hit), 0)
        sums["hit_rate"] += found > 0
    return {name: total / len(held_out) for name, total in sums.items()}


class Evaluate(PipelineTest):
    COLUMNS = ("--columns", "user=user,item=item,time=time")

    def evaluate(self, *options):
        """The same on one rank and on three."""
        found = [self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--at", str(N), "--json",
                               *options).json() for ranks in (0, 3)]
        self.assertEqual(*found)
        return found[0]

    def check(self, metrics, lists, held_out):
        self.assertEqual(metrics["users"], len(held_out))
        self.assertEqual(metrics["pairs"], sum(len(items) for items in held_out.values()))
        for name, value in metrics_of(lists, held_out, N).items():
            entry = metrics[f"{name}@{N}"]
            self.assertAlmostEqual(entry["value"], value, 9, name)
            self.assertTrue(entry["low"] <= entry["value"] <= entry["high"], name)
            self.assertLess(entry["high"] - entry["low"], 0.3)
        shown = {row[1] for user in held_out for row in lists[user][:N]}
        self.assertGreater(len(shown), 1)

    def lists(self):
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", str(N), "--output", "lists")
        return lists_of(self.path("lists"))

    def test_given_files(self):
        rows = make_log()
        draw = random.Random(1)
        draw.shuffle(rows)
        train, test = rows[300:], rows[:300]
        strangers = [("u1", "no such item", 5), ("nobody", "i1", 5), train[0], test[0]]
        self.write("train.csv", as_csv(train))
        self.write("test.csv", as_csv(test + strangers))
        self.run_well(2, "ingest", "--input", "train.csv", *self.COLUMNS, "--output", "data.h5")
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "8", "--output", "model.h5")
        known_users, known_items = {row[0] for row in train}, {row[1] for row in train}
        held_out = {}
        for user, item, _ in test:
            if user in known_users and item in known_items:
                held_out.setdefault(user, set()).add(item)
        metrics = self.evaluate("--test", "test.csv", "--test-columns", "user=user,item=item")
        self.check(metrics, self.lists(), held_out)
        self.assertEqual(metrics["left_out"]["given"], 304)
        self.assertEqual(metrics["left_out"]["seen_in_training"], 1)
        self.assertEqual(metrics["left_out"]["repeated"], 1)
        self.assertGreater(metrics[f"recall@{N}"]["value"], metrics["baseline"][f"recall@{N}"]["value"])

    def test_time_cut(self):
        rows = make_log()
        self.write("log.csv", as_csv(rows))
        cut = max(day for _, _, day in rows) - 20
        self.run_well(3, "ingest", "--input", "log.csv", *self.COLUMNS, "--output", "data.h5", "--hold-out-days", "20")
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "8", "--output", "model.h5")
        train = [row for row in rows if row[2] <= cut]
        seen, known_items = {row[:2] for row in train}, {row[1] for row in train}
        known_users = {row[0] for row in train}
        held_out = {}
        for user, item, day in rows:
            if day > cut and user in known_users and item in known_items and (user, item) not in seen:
                held_out.setdefault(user, set()).add(item)
        self.check(self.evaluate(), self.lists(), held_out)

        # Held out twice: what train held out is what the model has not seen, and the log says so.
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "8", "--hold-out", "random", "--output", "model.h5")
        ended = self.run_well(2, "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--json")
        self.assertIn("what train held out, not on what ingest held out", ended.err)
        self.assertAlmostEqual(ended.json()["pairs"] / len(seen), 0.1, delta=0.03)

    def test_last_of_each_user_and_random(self):
        self.write("log.csv", as_csv(make_log()))
        self.run_well(2, "ingest", "--input", "log.csv", *self.COLUMNS, "--output", "data.h5")
        for options in (["last-n", "--hold-out-n", "2"], ["random", "--hold-out-share", "0.2", "--hold-out-seed", "5"]):
            self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "8", "--output", "model.h5", "--hold-out",
                          *options)
            metrics = self.evaluate()
            if options[0] == "last-n":
                self.assertEqual((metrics["users"], metrics["pairs"]), (120, 240))
            else:
                self.assertAlmostEqual(metrics["pairs"] / len(make_log()), 0.2, delta=0.04)
            self.assertGreater(metrics[f"recall@{N}"]["value"], metrics["baseline"][f"recall@{N}"]["value"])

    def test_ratings(self):
        """Ratings that a bias of user and item explains: nearly no error is left, and popularity says nothing of them."""
        draw = random.Random(2)
        lines = ["user,item,rating"]
        for user in range(100):
            for item in draw.sample(range(50), 20):
                lines.append(f"u{user},i{item},{1 + (user % 3) + (item % 2)}")
        self.write("ratings.csv", "\n".join(lines) + "\n")
        self.run_well(2, "ingest", "--input", "ratings.csv", "--columns", "user=user,item=item,rating=rating", "--output",
                      "data.h5")
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "4", "--lambda", "0.01", "--hold-out", "random",
                      "--output", "model.h5")
        metrics = self.evaluate()
        self.assertLess(metrics["rmse"]["value"], 0.2)
        self.assertLessEqual(metrics["mae"]["value"], metrics["rmse"]["value"])

    def test_strength_of_events(self):
        """Weights, caps and returns, seen through a popular model that counts strength."""
        day = 86_400
        self.write("events.csv", "user,item,type,time,quantity\n" + "".join(
            f"{user},{item},{kind},{1_700_000_000 + day * at},{quantity}\n" for user, item, kind, at, quantity in [
                ("a", "x", "view", 0, 1), ("a", "x", "view", 0.5, 1), ("a", "x", "view", 0.7, 1),
                ("b", "y", "purchase", 10, 3), ("b", "y", "return", 10, 1),
                ("c", "z", "purchase", 10, 2), ("c", "z", "return", 10, 2),
                ("c", "y", "view", 10, 1)]))
        self.run_well(3, "ingest", "--input", "events.csv", "--columns",
                      "user=user,item=item,type=type,time=time,quantity=quantity", "--event",
                      "view:weight=0.5,cap=min,cap-value=1.25,quantity=none", "purchase:weight=4,quantity=linear", "--output",
                      "data.h5")
        cleaning = self.record("data.run.json")["results"]["cleaning"]
        self.assertEqual((cleaning["pairs"], cleaning["pairs_taken_back"]), (3, 1))
        self.run_well(2, "train", "popular", "--dataset", "data.h5", "--measure", "strength", "--output", "model.h5")
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--seen", "never", "--output", "lists")
        with open(self.path("lists/part-00000.csv"), newline="") as file:
            scores = {row["item"]: float(row["score"]) for row in csv.DictReader(file) if row["user"] == "a"}
        self.assertEqual(scores, {"y": 8.5, "x": 1.25})


if __name__ == "__main__":
    unittest.main()
