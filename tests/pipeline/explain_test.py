"""Reasons of recommendations: of every family and blends, the same on any ranks and threads, in every format, in messages
and on the page."""

import csv
import hashlib
import json
import unittest

from support import USAGE, SharedFolderTest, lists_of

FAMILIES = {"als": ["als", "--k", "8", "--sweeps", "6"],
            "hkv": ["als", "--preset", "hkv", "--lambda", "20", "--k", "24", "--sweeps", "6"],
            "purchases": ["als", "--k", "8", "--event-weight", "purchase=1", "--hold-out", "random", "--sweeps", "6"],
            "patient": ["als", "--k", "8", "--patience", "2", "--sweeps", "6"],
            "itemknn": ["itemknn"], "rp3beta": ["rp3beta"], "userknn": ["userknn"], "popular": ["popular"],
            "spectral": ["spectral", "--k", "12", "--neighbours", "40"],
            "ease": ["ease", "--neighbours", "40"]}
MODELS = [*FAMILIES, "blend"]


class Explain(SharedFolderTest):
    def fill(self):
        self.run_well(0, "synth", "--output", "shop", "--users", "400", "--items", "150", "--events", "20000", "--seed", "3")
        self.run_well(0, "ingest", "--input", "shop/events-*.csv", "--columns",
                      "user=user,item=item,type=type,quantity=quantity,time=time,name=name", "--output", "data.h5")
        for name, arguments in FAMILIES.items():
            self.run_well(0, "train", *arguments, "--dataset", "data.h5", "--output", name + ".h5")
        self.run_well(2, "train", "blend", "--dataset", "data.h5", "--models", "als.h5", "spectral.h5", "popular.h5",
                      "userknn.h5", "itemknn.h5", "--output", "blend.h5")
        self.write("who.txt", "".join(f"{user}\n" for user in ["u10001", "nobody", "u10007", "u10100"]))

    def explain(self, ranks, model, output, *options, threads=1):
        self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", model + ".h5", "--n", "10", "--output", output,
                      *options, threads=threads)
        return self.record(output + "/run.json")["results"]

    def reasons_of(self, folder):
        """By user and place: rows of (number, kind, own item, its name, contribution)."""
        found = {}
        for shard in sorted(self.path(folder).glob("reasons-*.csv")):
            with open(shard, newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    found.setdefault((row["user"], int(row["rank"])), []).append(
                        (int(row["reason"]), row["kind"], row["because"], row["name"], float(row["contribution"])))
        return found

    def test_all_reasons_sum_to_the_score(self):
        for model in MODELS:
            with self.subTest(model):
                results = self.explain(2, model, "all", "--explain", "1000")
                explained = results["recommend"]["explain"]
                self.assertLess(explained["largest_gap"], 1e-4)
                self.assertAlmostEqual(sum(explained["shares"].values()), 1, 6)
                reasons = self.reasons_of("all")
                for user, places in lists_of(self.path("all")).items():
                    for rank, _, _, score, source in places:
                        mine = reasons.get((user, rank), [])
                        self.assertEqual([reason[0] for reason in mine], list(range(1, len(mine) + 1)))
                        size = max(sum(abs(reason[4]) for reason in mine), abs(score))
                        self.assertLess(abs(sum(reason[4] for reason in mine) - score), 1e-4 * size + 1e-30)
                        if source != "popular":
                            self.assertEqual(len({reason[2] for reason in mine if reason[1] == "item"}),
                                             sum(reason[1] == "item" for reason in mine))
                share = explained["shares"]
                if model in ("itemknn", "rp3beta", "ease"):
                    self.assertGreater(share["item"], 0.99)
                if model in ("als", "hkv", "purchases", "patient", "spectral"):
                    self.assertGreater(share["item"], 0.92)  # of what the model learned from, and nothing else
                if model == "spectral":
                    self.assertLess(share["rest"], 1e-5)
                if model == "userknn":
                    self.assertGreater(share["neighbours"], 0.9)

    def test_same_bits_on_any_ranks_and_threads(self):
        for model in ("als", "hkv", "blend"):
            with self.subTest(model):
                first = None
                for ranks, threads in ((1, 1), (3, 1), (1, 2), (4, 2)):
                    results = self.explain(ranks, model, "same", "--explain", "3", threads=threads)
                    text = b""
                    for shard in sorted(self.path("same").glob("reasons-*.csv")):
                        text += shard.read_bytes().split(b"\n", 1)[1]
                    explained = dict(results["recommend"]["explain"])
                    del explained["seconds"]
                    found = (results["lists"]["digest"], hashlib.sha256(text).hexdigest(), explained)
                    first = first or found
                    self.assertEqual(found, first, f"{ranks} ranks x {threads} threads")

    def test_lists_stay_as_they_are(self):
        self.explain(2, "blend", "plain")
        self.explain(2, "blend", "why", "--explain", "2")
        self.assertEqual(lists_of(self.path("plain")), lists_of(self.path("why")))
        self.assertEqual(list(self.path("plain").glob("reasons-*")), [])
        # A run without reasons leaves none of an earlier one.
        self.explain(1, "blend", "why")
        self.assertEqual(list(self.path("why").glob("reasons-*")), [])

    def test_every_format_says_the_same(self):
        self.explain(3, "blend", "formats", "--explain", "2", "--format", "csv", "jsonl", "--users", "who.txt")
        reasons = self.reasons_of("formats")
        seen = 0
        for shard in sorted(self.path("formats").glob("part-*.jsonl")):
            for line in shard.read_text(encoding="utf-8").splitlines():
                user = json.loads(line)
                for item in user["items"]:
                    listed = [(place + 1, reason["kind"], reason.get("item", ""), reason.get("name", ""), reason["contribution"])
                              for place, reason in enumerate(item["reasons"])]
                    self.assertEqual(listed, reasons[user["user"], item["rank"]])
                    self.assertLessEqual(len(listed), 2)
                    if user["user"] == "nobody":
                        self.assertEqual([reason["kind"] for reason in item["reasons"]], ["bias"])
                    seen += 1
        self.assertGreater(seen, 20)
        about = self.run_well(0, "info", "formats/lists.h5", "--json").json()
        self.assertEqual(about["datasets"]["rows/reasons/items"]["rows"] + about["datasets"]["unknown/reasons/items"]["rows"],
                         sum(len(mine) for mine in reasons.values()))

    def test_messages_and_page_say_why(self):
        self.explain(2, "als", "lists", "--explain", "2")
        self.write("mail.txt", "title: {name1}\nbody: because of {because1}; {because2|others like it}\n")
        self.run_well(3, "push", "--dataset", "data.h5", "--lists", "lists", "--channel", "mail.txt", "--max-items", "3",
                      "--output", "feed")
        messages = [json.loads(line) for batch in sorted(self.path("feed").glob("batch-*"))
                    for line in batch.read_text(encoding="utf-8").splitlines()]
        self.assertGreater(len(messages), 100)
        for message in messages:
            first = message["items"][0]
            self.assertTrue(first["because"])
            names = ", ".join(because["name"] or because["id"] for because in first["because"])
            self.assertTrue(message["body"].startswith(f"because of {names}; "), message)
        counts = self.record("feed/run.json")["results"]["push"]
        self.assertEqual(len(messages), counts["messages"])
        self.run_well(2, "report", "--dataset", "data.h5", "--model", "als.h5", "--lists", "lists", "--output", "page.html")
        self.assertIn('"explained":true', self.path("page.html").read_text(encoding="utf-8"))

        self.explain(1, "als", "silent")
        for ranks in (0, 3):
            self.run_badly(ranks, USAGE, ["mail.txt", "{because1}", "--explain"], "push", "--dataset", "data.h5", "--lists",
                           "silent", "--channel", "mail.txt", "--output", "never")

    def test_refusals(self):
        for ranks in (0, 3):
            self.run_badly(ranks, USAGE, "--explain", "recommend", "--dataset", "data.h5", "--model", "als.h5", "--explain",
                           "-1", "--output", "never")
            self.run_badly(ranks, USAGE, "--memory-per-rank", "recommend", "--dataset", "data.h5", "--model", "als.h5",
                           "--explain", "3", "--memory-per-rank", "1MiB", "--output", "never")
        self.assertFalse(self.path("never").exists())


if __name__ == "__main__":
    unittest.main()
