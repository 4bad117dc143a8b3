"""Sessions: a shop whose visitors go from item to item round a circle, each time from another place."""

import csv
import random
import unittest

from support import USAGE, SharedFolderTest

NUM_ITEMS, NUM_USERS = 48, 90


def after(item, steps=1):
    return (item + steps) % NUM_ITEMS


class Sessions(SharedFolderTest):
    def fill(self):
        draw = random.Random(9)
        rows = ["user,item,time"]
        for user in range(NUM_USERS):
            for day in draw.sample(range(1, 28), 3):
                start = draw.randrange(NUM_ITEMS)
                for step in range(draw.randint(3, 5)):
                    rows.append(f"u{user},i{after(start, step)},2024-05-{day:02}T10:{3 * step:02}:00Z")
        self.write("log.csv", "\n".join(rows) + "\n")
        self.write("items.csv", "item,half\n" + "".join(f"i{item},{item * 2 // NUM_ITEMS}\n" for item in range(NUM_ITEMS)))
        self.write("today.csv", "user,item,time\n" + "".join(
            f"new{n},i{item},2024-06-0{day}T11:0{minute}:00Z\n" for n in range(5)
            for item, day, minute in ((30, 1, 0), (31, 1, 3), (4 * n, 2, 0), (4 * n + 1, 2, 4))))
        columns = ["--columns", "user=user,item=item,time=time"]
        self.run_well(2, "ingest", "--input", "log.csv", *columns, "--items", "items.csv", "--output", "data.h5")
        self.run_well(1, "ingest", "--input", "today.csv", *columns, "--output", "today.h5")
        self.run_well(1, "ingest", "--input", "log.csv", "--columns", "user=user,item=item", "--output", "timeless.h5")

    def train(self, ranks, family, output, *options):
        self.run_well(ranks, "train", family, "--dataset", "data.h5", *options, "--output", output)

    def measured(self, ranks, model, *options):
        return self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", model, "--at", "1,5", "--json",
                             "--replicates", "50", *options).json()

    def lists(self, folder, kind):
        found = {}
        for path in sorted(self.path(folder).glob(f"{kind}-*.csv")):
            with open(path, encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    found.setdefault(row["user"], []).append(row)
        return found

    def test_the_next_item_is_found_by_the_session_and_by_nothing_else(self):
        held_out = ["--hold-out", "sessions"]
        found = []
        for ranks in (0, 3):
            self.train(ranks, "sessions", "part.h5", "--preset", "markov", *held_out)
            found.append(self.measured(ranks, "part.h5", "--segments", "9"))
        self.assertEqual(*found)
        self.assertEqual(found[0]["users"], NUM_USERS)
        self.assertGreater(found[0]["recall@1"]["value"], 0.8)
        self.assertLess(found[0]["baseline"]["recall@5"]["value"], 0.4)
        self.train(2, "itemknn", "part-knn.h5", "--neighbours", "40", *held_out)
        self.assertLess(self.measured(2, "part-knn.h5")["recall@1"]["value"], 0.6)
        # What is popular in the user's own categories, beside the model.
        category = self.measured(2, "part.h5", "--min-evidence", "100000", "--category-attribute", "half")
        self.assertEqual(category["baseline"]["recall@1"]["value"], found[0]["recall@1"]["value"])
        self.assertLess(category["recall@5"]["value"], 0.5)

    def test_blends_take_the_session_beside_the_whole_history(self):
        held_out = ["--hold-out", "sessions"]
        self.train(2, "sessions", "s.h5", "--preset", "markov", *held_out)
        self.train(2, "itemknn", "k.h5", "--neighbours", "40", *held_out)
        self.train(2, "als", "a.h5", "--k", "8", *held_out)
        for models in (["s.h5", "k.h5"], ["k.h5", "s.h5"], ["s.h5", "a.h5"]):
            found = []
            for ranks in (0, 3):
                self.train(ranks, "blend", "blend.h5", "--models", *models, "--weights", "1,1")  # left out alike
                found.append(self.measured(ranks, "blend.h5"))
            self.assertEqual(*found)
            self.assertGreater(found[0]["recall@5"]["value"], 0.85, models)
            self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "blend.h5", "--n", "3", "--explain", "2",
                          "--output", "lists")

    def test_newcomers_are_served_by_their_last_session(self):
        self.train(3, "sessions", "whole.h5", "--preset", "markov", "--profile-decay", "0.5")
        self.run_well(2, "fold-in", "--dataset", "data.h5", "--model", "whole.h5", "--newcomers", "today.h5", "--output", "new")
        self.run_well(2, "recommend", "--dataset", "new/data.h5", "--model", "new/model.h5", "--n", "2", "--explain", "1",
                      "--output", "lists")
        lists, reasons = self.lists("lists", "part"), self.lists("lists", "reasons")
        self.assertEqual(len(lists), 5)
        for user, rows in lists.items():
            last = 4 * int(user[3:]) + 1
            self.assertEqual(rows[0]["item"], f"i{after(last)}")
            self.assertIn(f"i{last}", reasons[user][0].values())
        self.run_badly(2, USAGE, ["no times"], "fold-in", "--dataset", "data.h5", "--model", "whole.h5", "--newcomers",
                       "timeless.h5", "--output", "never")

    def test_refusals(self):
        for words, options in ((["--preset", "did you mean 'markov'"], ["--preset", "markow"]),
                               (["--profile-decay 1.5"], ["--profile-decay", "1.5"]),
                               (["--hold-out-gap-minutes 0"], ["--hold-out", "sessions", "--hold-out-gap-minutes", "0"])):
            for ranks in (0, 3):
                self.run_badly(ranks, USAGE, words, "train", "sessions", "--dataset", "data.h5", *options, "--output", "never.h5")
        for options in ([], ["--hold-out", "sessions"]):
            self.run_badly(2, USAGE, ["times"], "train", "sessions", "--dataset", "timeless.h5", *options, "--output", "never.h5")


if __name__ == "__main__":
    unittest.main()
