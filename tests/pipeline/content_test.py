"""Item vectors, the family made of what items are, and items that nobody had: a small shop of two kinds of things."""

import random
import unittest

from support import BAD_INPUT, STORAGE, USAGE, SharedFolderTest

NUM_ITEMS = 60


def kind_of(item):
    return "tea" if item % 2 else "screws"


class Content(SharedFolderTest):
    def fill(self):
        draw = random.Random(5)
        log = ["user,item,time"]
        for user in range(120):
            liked = [item for item in range(NUM_ITEMS) if item % 2 == user % 2]
            for item in draw.sample(liked, 8):
                log.append(f"u{user},i{item},2024-05-{1 + draw.randrange(28):02}T10:00:00Z")
        self.write("log.csv", "\n".join(log) + "\n")
        self.write("items.csv", "item,name,group\n" + "".join(
            f"i{item},Caf\u00c9 {kind_of(item)} no. {item},{kind_of(item)}|all\n" for item in range(NUM_ITEMS)))
        self.write("image.csv", "".join(f"i{item},{item % 2},{1 - item % 2}\n" for item in range(NUM_ITEMS - 3)))
        self.ingest(3, "data.h5", "image=image.csv")
        self.ingest(0, "alone.h5", "image=image.csv")

    def ingest(self, ranks, output, *vectors):
        given = [text for vector in vectors for text in ("--item-vectors", vector)]
        return self.run_well(ranks, "ingest", "--input", "log.csv", "--columns", "user=user,item=item,time=time", "--items",
                             "items.csv", *given, "--output", output)

    def train(self, ranks, name, *options):
        self.run_well(ranks, "train", "content", "--dataset", "data.h5", *options, "--output", name)

    def test_vectors_are_reported_and_kept(self):
        digests = [self.run_well(0, "info", name, "--json").json() for name in ("data.h5", "alone.h5")]
        self.assertEqual(digests[0]["digest"], digests[1]["digest"])
        self.assertIn("items/vectors/image", digests[0]["datasets"])
        self.assertEqual(self.record("data.run.json")["results"]["item_vectors"]["image"],
                         {"rows": 57, "columns": 2, "matched": 57, "unknown": 0, "repeated": 0, "zero": 0, "missing": 3})

    def test_damaged_vectors_are_refused(self):
        self.write("nan.csv", "i1,0,1\ni2,0,nan\n")
        self.write("short.csv", "i1,0,1\ni2,0\n")
        self.write("empty.npy", b"")
        for name, code, words in (("nan.csv", BAD_INPUT, "nan.csv:2"), ("short.csv", BAD_INPUT, "short.csv:2"),
                                  ("empty.npy", BAD_INPUT, "empty.npy"), ("none.h5", STORAGE, "none.h5")):
            for ranks in (0, 3):
                self.run_badly(ranks, code, [words], "ingest", "--input", "log.csv", "--columns", "user=user,item=item",
                               "--item-vectors", name, "--output", "never.h5")

    def test_new_items_reach_those_who_like_their_kind(self):
        """By tags, by words and by vectors: what nobody had is told apart among itself, in the same bits."""
        for options in (["--tags", "group"], ["--words", "name"], ["--vectors", "image"], []):
            found = []
            for ranks in (0, 3):
                self.train(ranks, "part.h5", *options, "--hold-out", "items", "--hold-out-share", "0.3")
                found.append(self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", "part.h5", "--among",
                                           "cold", "--at", "5", "--json", "--replicates", "20").json())
                self.assertEqual(found[-1], found[0])
            self.assertEqual(found[0]["among"], "cold")
            self.assertEqual(found[0]["baseline_model"], "random")
            self.assertGreater(found[0]["precision@5"]["value"], found[0]["baseline"]["precision@5"]["value"])
            self.assertGreater(found[0]["recall@5"]["value"], 0.4)

    def test_lists_say_why(self):
        self.train(2, "content.h5", "--tags", "group", "--vectors", "image", "--k", "2", "--low-rank-weight", "0.5")
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "content.h5", "--n", "4", "--explain", "3",
                      "--output", "lists")
        text = self.path("lists/part-00000.csv").read_text() + self.path("lists/part-00001.csv").read_text()
        rows = [line.split(",") for line in text.splitlines() if line.startswith("u")]
        for row in rows:
            if row[0] != "user":
                self.assertEqual(int(row[0][1:]) % 2, int(row[2][1:]) % 2, row)
        self.run_well(2, "similar", "--dataset", "data.h5", "--model", "content.h5", "--n", "5", "--output", "similar")

    def test_items_of_the_catalogue_reach_lists(self):
        """i900 is a new kind of tea that no line of the log names."""
        self.write("more.csv", self.path("items.csv").read_text() + "i900,Chai tea,tea|spice\ni901,Chai mix,spice\n")
        found = []
        for ranks in (0, 3):
            self.run_well(ranks, "ingest", "--input", "log.csv", "--columns", "user=user,item=item,time=time", "--items",
                          "more.csv", "--items-unknown", "add", "--output", "more.h5")
            self.assertEqual(self.record("more.run.json")["results"]["item_attributes"]["added"], 2)
            self.run_well(ranks, "train", "content", "--dataset", "more.h5", "--tags", "group", "--k", "0", "--output",
                          "more-model.h5")
            self.run_well(ranks, "recommend", "--dataset", "more.h5", "--model", "more-model.h5", "--n", "26", "--output",
                          "more")
            found.append(self.record("more/run.json")["results"]["lists"]["digest"])
        self.assertEqual(found[0], found[1])
        text = "".join(path.read_text() for path in sorted(self.path("more").glob("part-*.csv")))
        rows = [line.split(",") for line in text.splitlines()]
        for user in range(120):
            places = [row[2] for row in rows if row[0] == f"u{user}"]
            self.assertEqual("i900" in places, user % 2 == 1, user)

    def test_faded_profiles_explain_themselves(self):
        self.train(3, "faded.h5", "--words", "name", "--neighbours", "0", "--k", "8", "--low-rank-weight", "1",
                   "--profile-half-life-days", "5")
        self.run_well(3, "recommend", "--dataset", "data.h5", "--model", "faded.h5", "--explain", "2", "--output", "faded")

    def test_settings_are_searched_on_new_items(self):
        self.write("space.toml", "idf-exponent = [0, 2]\n")
        self.run_well(2, "tune", "content", "--dataset", "data.h5", "--space", "space.toml", "--strategy", "grid",
                      "--hold-out", "items", "--hold-out-share", "0.3", "--output", "tuning")
        self.assertIn("family", self.path("tuning/best.toml").read_text())

    def test_vectors_weigh_what_they_are_worth(self):
        """Beside tags that are wrong for three items of ten: true vectors gain, random ones get a weight that costs nothing."""
        draw = random.Random(7)
        num_items = 300
        self.write("wide.csv", "user,item\n" + "".join(
            f"u{user},i{item}\n" for user in range(200)
            for item in draw.sample(range(user % 2, num_items, 2), 12)))
        self.write("vague.csv", "item,kind\n" + "".join(
            f"i{item},{kind_of(item + (draw.random() < 0.3))}\n" for item in range(num_items)))
        self.write("true.csv", "".join(f"i{item},{draw.gauss(item % 2, 0.4):.3f},{draw.gauss(1 - item % 2, 0.4):.3f}\n"
                                       for item in range(num_items - 3)))
        self.write("noise.csv", "".join(f"i{item}," + ",".join(f"{draw.gauss(0, 1):.3f}" for _ in range(8)) + "\n"
                                        for item in range(num_items)))
        self.run_well(2, "ingest", "--input", "wide.csv", "--columns", "user=user,item=item", "--items", "vague.csv",
                      "--item-vectors", "true.csv", "--item-vectors", "noise.csv", "--output", "vague.h5")

        def recall(*options):
            self.run_well(0, "train", *options, "--dataset", "vague.h5", "--hold-out", "items", "--hold-out-share", "0.3",
                          "--hold-out-seed", "2", "--output", "vague-model.h5")
            return self.run_well(0, "evaluate", "--dataset", "vague.h5", "--model", "vague-model.h5", "--among", "cold",
                                 "--at", "40", "--json", "--replicates", "0").json()["recall@40"]["value"]

        tags = recall("content", "--tags", "kind")
        self.assertLess(recall("content", "--tags", "kind", "--vectors", "noise=10"), tags - 0.05)
        found = {}
        for name in ("true", "noise"):
            self.write("space.toml", 'tags = ["kind"]\nvectors = [' + ", ".join(
                f'"{name}={weight}"' for weight in (0, 0.1, 1, 10)) + "]\n")
            self.run_well(2, "tune", "content", "--dataset", "vague.h5", "--space", "space.toml", "--strategy", "grid",
                          "--hold-out", "items", "--hold-out-share", "0.3", "--hold-out-seed", "1", "--n", "40", "--output", name)
            found[name] = recall("--config", f"{name}/best.toml")
        self.assertGreater(found["true"], tags + 0.05)
        self.assertGreater(found["noise"], tags - 0.01)

    def test_refusals(self):
        for words, options in ((["--tags", "did you mean 'group'"], ["--tags", "grup"]),
                               (["--vectors", "'image'"], ["--vectors", "imag"]),
                               (["--hold-out", "did you mean 'items'"], ["--hold-out", "itms"]),
                               (["--neighbours 0"], ["--profile-half-life-days", "3"])):
            for ranks in (0, 3):
                self.run_badly(ranks, USAGE, words, "train", "content", "--dataset", "data.h5", *options, "--output",
                               "never.h5")
        self.train(0, "pairs.h5", "--hold-out", "random")
        self.run_badly(2, BAD_INPUT, ["--among cold"], "evaluate", "--dataset", "data.h5", "--model", "pairs.h5",
                       "--among", "cold")


if __name__ == "__main__":
    unittest.main()
