"""Features of a log so small that every value can be worked out by hand."""

import unittest

from support import BAD_INPUT, STORAGE, USAGE, SharedFolderTest

COLUMNS = "user=user,item=item,type=type,time=time,quantity=quantity,price=price,dwell=dwell,query=query,category=category"

# Monday, Tuesday, and the Wednesday after, whose first second is the cut-off.
LOG = """user,item,type,time,quantity,price,dwell,query,category
ann,p,view,2024-05-06T10:00:00Z,,10,20,Green tea,tea
ann,p,cart,2024-05-06T10:10:00Z,2,10,,,tea
ann,p,purchase,2024-05-06T10:10:00Z,2,10,,,tea
ann,q,view,2024-05-06T10:50:00Z,,30,40,,tea
ann,p,return,2024-05-07T09:00:00Z,1,10,,,tea
bob,p,view,2024-05-07T12:00:00Z,,10,5,,tea
bob,q,cart,2024-05-07T12:05:00Z,1,30,,,tea
cid,r,view,2024-05-07T12:00:00Z,,20,,,mugs
bob,q,purchase,2024-05-15T00:00:00Z,1,30,,,tea
"""

# Of ann, bob and cid.
USERS = {
    "events": (5, 3, 1), "events_view": (2, 1, 1), "events_return": (1, 0, 0),
    "events_1d": (0, 1, 0), "events_7d": (0, 1, 0), "events_30d": (5, 3, 1),
    "active_days": (2, 2, 1), "days_since_first": (8 + 14 / 24, 7.5, 7.5), "days_since_last": (7 + 15 / 24, 0, 7.5),
    "events_per_day": (5 / 10, 3 / 9, 1 / 9),
    "purchases": (1, 1, 0), "days_since_purchase": (8 + (13 * 60 + 50) / 1440, 0, None),
    "purchases_per_day": (1 / 10, 1 / 9, 0), "monetary": (20 - 10, 30, 0), "mean_price_paid": (10, 30, None),
    "sessions": (3, 2, 1), "events_per_session": (5 / 3, 3 / 2, 1), "session_minutes": (10 / 3, 5 / 2, 0),
    "views_per_session": (2 / 3, 1 / 2, 1), "dwell_per_session": (60 / 3, 5 / 2, 0),
    "view_to_cart": (1 / 2, 0, 0), "cart_to_purchase": (1, 1, None), "view_to_purchase": (1 / 2, 0, 0),
    "categories": (1, 1, 1), "top_category": (0, 0, 1), "top_category_share": (1, 1, 1), "category_entropy": (0, 0, 0),
    "mean_price": (70 / 5, 70 / 3, 20), "price_band_share[0]": (4 / 5, 1 / 3, 1), "price_band_share[1]": (1 / 5, 2 / 3, 0),
    "hour_share[10]": (4 / 5, 0, 0), "hour_share[0]": (0, 1 / 3, 0),
    "weekday_share[0]": (4 / 5, 0, 0), "weekday_share[1]": (1 / 5, 2 / 3, 1), "weekday_share[2]": (0, 1 / 3, 0),
    "items": (2, 2, 1), "new_item_share": (2 / 5, 2 / 3, 1),
    "novelty": (0.5849625, 0.5849625, 1.5849625),  # -log2(2/3), -log2(1/3)
    # seconds since the first event of p at 10:00, of q at 10:50 on Monday
    "item_age": ((0 + 600 + 600 + 23 * 3600 + 0) / 86400 / 5,
                 (26 * 3600 + (25 * 3600 + 15 * 60) + (8 * 86400 + 13 * 3600 + 10 * 60)) / 86400 / 3, 0),
    "searches": (1, 0, 0), "queries": (1, 0, 0), "searches_per_session": (1 / 3, 0, 0),
}

# Of p, q and r.
ITEMS = {
    "events": (5, 3, 1), "users": (2, 2, 1), "buyers": (1, 1, 0), "events_view": (2, 1, 1),
    "events_1d": (0, 1, 0), "events_purchase_7d": (0, 1, 0), "events_cart_30d": (1, 1, 0),
    "trend": (0, 30 * 1 / 3, 0), "trend_purchase": (0, 30, None),
    "view_to_cart": (1 / 2, 0, 0), "cart_to_purchase": (1, 1, None), "view_to_purchase": (1 / 2, 0, 0),
    "return_rate": (1 / 2, 0, None), "revenue": (10, 30, 0), "price": (10, 30, 20), "price_band": (0, 1, 0),
    "age": (8 + 14 / 24, 8 + (13 * 60 + 10) / 1440, 7.5), "days_since_last": (7.5, 0, 7.5),
    "dwell": (25 / 2, 40, None), "category": (0, 0, 1),
}


class FeaturesOfALog(SharedFolderTest):
    def fill(self):
        self.write("log.csv", LOG)
        self.write("more.csv", LOG + "dan,s,view,2024-05-06T10:00:00Z,,10,20,,tea\n"
                                     "dan,p,view,2024-05-16T10:00:00Z,,10,20,,tea\n")
        self.run_well(2, "ingest", "--input", "log.csv", "--columns", COLUMNS, "--output", "data.h5")

    def make(self, ranks, output, *options, log="log.csv", **settings):
        return self.run_well(ranks, "features", "--dataset", "data.h5", "--input", log, "--price-bands", "2", "--output",
                             output, *options, **settings)

    def expect(self, found, expected):
        """Three rows: their least, middle and largest value are all there is."""
        by_name = {row["feature"]: row for row in found}
        for name, values in expected.items():
            present = sorted(value for value in values if value is not None)
            row = by_name[name]
            self.assertAlmostEqual(row["missing"], (3 - len(present)) / 3, msg=name)
            ends = [present[0], present[(len(present) + 1) // 2 - 1], present[-1]]
            for key, value in zip(("min", "50%", "max"), ends):
                self.assertAlmostEqual(row[key], value, places=5, msg=f"{name} {key}")

    def test_values_by_hand(self):
        self.make(2, "features.h5")
        results = self.record("features.run.json")["results"]
        self.expect(results["distributions"]["users"], USERS)
        self.expect(results["distributions"]["items"], ITEMS)
        self.assertEqual((results["events"], results["later_events"], results["is_log_of_dataset"], results["absent"]),
                         (9, 0, True, []))
        sets = self.run_well(0, "info", "features.h5", "--json").json()["datasets"]
        self.assertEqual(sets["users/features/monetary"]["attributes"]["unit"], "currency")
        for name, described in sets.items():
            if "/features/" in name and not name.endswith("/bytes"):
                self.assertIn("missing", described["attributes"], name)
        for name, unit in (("users/category_events/values", "events"), ("price_limits", "currency")):
            self.assertEqual(sets[name]["attributes"]["unit"], unit)
            self.assertTrue(sets[name]["attributes"]["doc"] and sets[name]["attributes"]["missing"], name)
        self.assertEqual(sets["users/features/hour_share"]["columns"], 24)

    def test_same_bits(self):
        self.make(2, "two.h5")
        digest = self.record("two.run.json")["results"]["features"]["digest"]
        for ranks, threads in ((0, 2), (1, 1), (3, 1), (4, 1), (7, 1)):
            self.make(ranks, f"same-{ranks}.h5", threads=threads)
            self.assertEqual(self.record(f"same-{ranks}.run.json")["results"]["features"]["digest"], digest, ranks)

    def test_vectors_come_back_as_item_vectors(self):
        texts = ("--text-vectors", "2", "--words", "category", "--ngrams", "category", "--min-items", "1",
                 "--category-vectors", "2")
        digests = set()
        for ranks in (0, 2, 3, 4, 7):
            self.make(ranks, "text.h5", *texts)
            results = self.record("text.run.json")["results"]
            digests.add(results["features"]["digest"])
        self.assertEqual(len(digests), 1)
        # Two items of tea and one of mugs have no word or n-gram in common: singular values sqrt(2) and 1.
        found = results["text_vectors"]
        self.assertEqual(found["items_without"], 0)
        self.assertAlmostEqual(found["singular_values"][0], 2 ** 0.5, places=4)
        self.assertAlmostEqual(found["singular_values"][1], 1, places=4)
        self.assertAlmostEqual(found["kept_share_of_squares"], 1, places=4)
        self.expect(results["distributions"]["items"], {"text_kept_share": (1, 1, 1)})
        # Ann and bob have tea alone, cid has mugs.
        found = results["category_vectors"]
        self.assertEqual((found["categories"], found["entries"], found["items_without"]), (2, 3, 0))
        self.assertAlmostEqual(found["singular_values"][0], 2 ** 0.5, places=4)
        self.assertAlmostEqual(found["singular_values"][1], 1, places=4)
        self.assertAlmostEqual(found["kept_share_of_squares"], 1, places=4)
        self.expect(results["distributions"]["items"], {"category_vector[0]": (1, 1, 0), "category_vector[1]": (0, 0, 1)})
        ingest = ["ingest", "--input", "log.csv", "--columns", COLUMNS, "--output", "with.h5", "--item-vectors"]
        self.run_well(3, *ingest, "text.h5:text_vector", "text.h5:category_vector")
        for name in ("text_vector", "category_vector"):
            self.assertEqual(self.record("with.run.json")["results"]["item_vectors"][name]["matched"], 3)
        self.run_well(2, "train", "content", "--dataset", "with.h5", "--vectors", "text_vector", "category_vector",
                      "--output", "text-model.h5")
        similar = self.run_well(2, "similar", "--dataset", "with.h5", "--model", "text-model.h5", "--n", "1", "--output",
                                "alike")
        self.assertIn("alike", similar.out)
        self.run_badly(2, BAD_INPUT, "did you mean 'text_vector'", *ingest, "text=text.h5:text_vectors")
        self.run_badly(2, USAGE, "names no feature", *ingest, "text.h5:")

    def test_settings_of_text_vectors_need_these(self):
        for option in (("--words", "category"), ("--ngrams", "category"), ("--tags", "category"), ("--min-items", "3"),
                       ("--tolerance", "0.5"), ("--max-rounds", "3"), ("--seed", "9"), ("--batch-memory", "1MiB")):
            self.run_badly(2, USAGE, [option[0], "--text-vectors"], "features", "--dataset", "data.h5", "--input", "log.csv",
                           "--output", "never.h5", *option)
        categories = ("features", "--dataset", "data.h5", "--input", "log.csv", "--category-vectors", "1", "--output")
        self.run_badly(2, USAGE, ["words", "--text-vectors"], *categories, "never.h5", "--words", "category")
        self.run_well(2, *categories, "some.h5", "--tolerance", "0.5", "--max-rounds", "3", "--seed", "9", "--tag-separator",
                      "/", "--batch-memory", "1MiB")

    def test_an_earlier_cutoff_and_another_log(self):
        ended = self.make(3, "other.h5", log="more.csv")
        self.assertIn("made of other files", ended.err)
        results = self.record("other.run.json")["results"]
        self.assertEqual((results["events"], results["later_events"], results["unknown_users"], results["unknown_items"]),
                         (10, 1, 1, 1))
        self.make(3, "earlier.h5", "--cutoff", "2024-05-07T12:00:00Z", "--utc-offset-hours", "-10.5")
        found = self.record("earlier.run.json")["results"]["distributions"]["users"]
        # By that clock ann came on Sunday at 23:30, 23:40 twice, on Monday at 0:20 and 22:30.
        self.expect(found, {"events": (5, 1, 1), "days_since_first": (26 / 24, 0, 0), "purchases": (1, 0, 0),
                            "active_days": (2, 1, 1), "hour_share[23]": (3 / 5, 0, 0),
                            "weekday_share[6]": (3 / 5, 0, 0), "weekday_share[0]": (2 / 5, 0, 0)})

    def test_the_page_shows_how_they_are_spread(self):
        self.make(2, "shown.h5")
        self.run_well(0, "train", "popular", "--dataset", "data.h5", "--output", "popular.h5")
        self.run_well(0, "recommend", "--dataset", "data.h5", "--model", "popular.h5", "--output", "lists")
        page = ["report", "--dataset", "data.h5", "--model", "popular.h5", "--lists", "lists", "--output", "report.html"]
        self.run_well(2, *page)
        self.assertNotIn("price_band_share", self.path("report.html").read_text())
        self.run_well(2, *page, "--features", "shown.h5")
        self.assertIn("<td>price_band_share[1]</td>", self.path("report.html").read_text())
        self.run_well(0, "ingest", "--input", "more.csv", "--columns", COLUMNS, "--output", "more.h5")
        self.run_well(0, "features", "--dataset", "more.h5", "--input", "more.csv", "--output", "foreign.h5")
        self.run_badly(2, BAD_INPUT, "another data set", *page, "--features", "foreign.h5")

    def test_refusals(self):
        command = ["features", "--dataset", "data.h5", "--output", "never.h5"]
        self.run_badly(2, USAGE, "--input", *command)
        self.run_badly(2, USAGE, "--windows", *command, "--input", "log.csv", "--windows", "7,1")
        self.run_badly(2, USAGE, "--session-gap-minutes", *command, "--input", "log.csv", "--session-gap-minutes", "-1")
        self.run_badly(2, USAGE, "--text-vectors", *command, "--input", "log.csv", "--text-vectors", "-1")
        self.run_badly(2, USAGE, "--category-vectors", *command, "--input", "log.csv", "--category-vectors", "-1")
        self.run_badly(2, USAGE, "did you mean 'category'", *command, "--input", "log.csv", "--text-vectors", "2", "--words",
                       "categories")
        self.run_badly(2, USAGE, "--cart-type", *command, "--input", "log.csv", "--cart-type", "view")
        self.run_badly(2, USAGE, "--memory-per-rank", *command, "--input", "log.csv", "--memory-per-rank", "1k")
        self.run_badly(3, STORAGE, "no-such.csv", *command, "--input", "no-such.csv")
        for kind in ("--category-vectors", "--text-vectors"):
            for option in (("--tolerance", "0"), ("--max-rounds", "0"), ("--tag-separator", "")):
                self.run_badly(0, USAGE, option[0], *command, "--input", "no-such.csv", kind, "4", *option)  # before it is read
        self.make(0, "kind.h5")
        self.run_badly(3, BAD_INPUT, "'features'", "features", "--dataset", "kind.h5", "--input", "log.csv", "--output",
                       "never.h5")
        self.assertFalse(self.path("never.h5").exists())
        self.assert_nothing_partial()


if __name__ == "__main__":
    unittest.main()
