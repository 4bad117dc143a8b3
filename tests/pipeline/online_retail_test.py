"""A real shop's till log, as dirty as it is, from end to end (PUSHCART_REAL_DATA/online-retail)."""

import csv
import gzip
import unittest

from support import PipelineTest, lists_of, real_data

COLUMNS = 'user="Customer ID",item=StockCode,time=InvoiceDate,quantity=Quantity,price=Price,name=Description'
# Stock codes that are no goods: postage, discounts, bank charges, samples, vouchers, tests.
SERVICE_CODES = ["POST", "DOT", "C2", "C3", "M", "m", "D", "S", "B", "PADS", "ADJUST*", "AMAZONFEE", "BANK CHARGES",
                 "TEST*", "gift_*"]


class OnlineRetail(PipelineTest):
    def setUp(self):
        super().setUp()
        self.log = real_data("online-retail") / "events.csv.gz"

    def ingest(self, ranks, *options):
        self.run_well(ranks, "ingest", "--input", str(self.log), "--format", "csv", "--columns", COLUMNS, "--output",
                      "data.h5", *options)
        return self.record("data.run.json")["results"]["cleaning"]

    def test_faults_are_counted_as_they_are(self):
        for ranks in (1, 3):
            cleaning = self.ingest(ranks)
            faults = {name: check["rows_with_fault"] for name, check in cleaning["checks"].items()}
            self.assertEqual(cleaning["rows_read"], 525_461)
            self.assertEqual(faults["duplicate"], 6_865)
            self.assertEqual(faults["missing_user"], 107_927)
            self.assertEqual(faults["bad_price"], 3_690)
            self.assertEqual(cleaning["returns"], 12_326)
            self.assertEqual(sum(faults.values()), 6_865 + 107_927 + 3_690, faults)
            dropped = sum(check["rows_dropped"] for check in cleaning["checks"].values())
            self.assertEqual(cleaning["rows_kept"] + dropped, 525_461)
            with gzip.open(self.path("rejects.csv.gz"), "rt", encoding="utf-8", newline="") as file:
                rejected = list(csv.DictReader(file))
            self.assertEqual(len(rejected), dropped)
            with gzip.open(self.log, "rt", encoding="utf-8") as file:
                lines = file.read().split("\n")
            for row in rejected[::997]:
                self.assertEqual(row["text"], lines[int(row["line"]) - 1])

    def test_lists_beat_popularity_on_the_last_month(self):
        """Learns from all but the last 30 days, and is tested on what customers bought new in these."""
        self.ingest(2, "--exclude-items", *SERVICE_CODES, "--hold-out-days", "30")
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "128", "--alpha0", "0.1", "--lambda", "0.01",
                      "--nu", "1", "--sweeps", "8", "--output", "model.h5", timeout=180)
        metrics = self.run_well(2, "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--at", "20", "--json").json()
        print("recall@20", metrics["recall@20"], "popular", metrics["baseline"]["recall@20"], "users", metrics["users"])
        self.assertGreater(metrics["recall@20"]["low"], metrics["baseline"]["recall@20"]["high"])
        self.assertGreater(metrics["ndcg@20"]["low"], metrics["baseline"]["ndcg@20"]["high"])
        self.assertGreater(metrics["recall@20"]["value"], 0.10)

        self.run_well(2, "train", "popular", "--dataset", "data.h5", "--popular-half-life-days", "14", "--output",
                      "recent.h5")
        recent = self.run_well(2, "evaluate", "--dataset", "data.h5", "--model", "recent.h5", "--at", "20", "--json").json()
        print("popular of late", recent["recall@20"])
        self.assertGreater(metrics["recall@20"]["low"], recent["recall@20"]["high"])

        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "20", "--output", "lists")
        names = {}
        with gzip.open(self.log, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                names.setdefault(row["StockCode"], set()).add(row["Description"])
        lists = lists_of(self.path("lists"))
        self.assertEqual(len(lists), self.record("data.run.json")["results"]["cleaning"]["users"])
        unnamed = 0
        for rows in lists.values():
            self.assertEqual(len(rows), 20)
            for _, item, name, _, _ in rows:
                self.assertIn(name, names[item] | {""})
                self.assertNotIn(item, SERVICE_CODES)
                unnamed += name == ""
        self.assertLess(unnamed, 0.001 * 20 * len(lists))


if __name__ == "__main__":
    unittest.main()
