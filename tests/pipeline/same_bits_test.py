"""The same input gives the same bits on any number of ranks and threads: on a generated log, and on real ones
(PUSHCART_REAL_DATA)."""

import hashlib
import unittest

from support import PipelineTest, real_data

RUNS = [(1, 1), (2, 1), (3, 1), (4, 1), (7, 1), (1, 2), (3, 2)]  # ranks, threads a rank


class SameBits(PipelineTest):
    def digests_of_flow(self, ranks, threads, ingest, train):
        """Digests of dictionaries, data set, factors and lists of one way through."""
        options = {"threads": threads, "timeout": 120}
        self.run_well(ranks, "ingest", *ingest, "--output", "data.h5", **options)
        self.run_well(ranks, "train", *train, "--dataset", "data.h5", "--output", "model.h5", **options)
        self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "20", "--output", "lists",
                      **options)
        found = {"lists": self.record("lists/run.json")["results"]["lists"]["digest"]}
        text = b""
        for shard in sorted(self.path("lists").glob("part-*.csv")):
            text += shard.read_bytes().split(b"\n", 1)[1]
        found["text of the lists"] = hashlib.sha256(text).hexdigest()
        for name in ("data.h5", "model.h5", "lists/lists.h5"):
            about = self.run_well(0, "info", name, "--json").json()
            found[name] = about["digest"]
            found.update({f"{name}: {part}": shape["digest"] for part, shape in about["datasets"].items()})
        for part in ("users/ids/bytes", "items/ids/bytes", "by_user/values"):
            self.assertIn(f"data.h5: {part}", found)
        for part in ("users/factors", "items/factors"):
            self.assertIn(f"model.h5: {part}", found)
        return found

    def check(self, ingest, train, runs=RUNS):
        first = None
        for ranks, threads in runs:
            found = self.digests_of_flow(ranks, threads, ingest, train)
            first = first or found
            self.assertEqual(found, first, f"{ranks} ranks x {threads} threads differ from {runs[0]}")
        return first

    def test_generated_log(self):
        self.run_well(1, "synth", "--users", "400", "--items", "300", "--events", "12000", "--files", "2", "--output", "log")
        ingest = ["--input", "log/events-*.csv", "--columns",
                  "user=user,item=item,type=type,time=time,quantity=quantity,price=price,dwell=dwell,query=query,"
                  "category=category,name=name", "--items", "log/items.csv", "--users", "log/users.csv", "--event",
                  "view:weight=0.2,cap=min,cap-value=3,dwell-unit=30,dwell-max=2", "cart:weight=1",
                  "purchase:weight=3,quantity=log1p", "--half-life-days", "60", "--exclude-items", "re:^[A-Z ]+$",
                  "--hold-out-days", "10"]
        first = self.check(ingest, ["als", "--k", "24", "--sweeps", "4"])

        # Synthesis on other ranks, in gzip files, and files named in another order: the same contents.
        self.run_well(3, "synth", "--users", "400", "--items", "300", "--events", "12000", "--files", "2", "--output", "log3",
                      "--compression", "gzip")
        ingest[1:2] = ["log3/events-00001.csv.gz", "log3/events-00000.csv.gz"]
        other = self.digests_of_flow(3, 1, ingest, ["als", "--k", "24", "--sweeps", "4"])
        for part, digest in first.items():
            if part.startswith("data.h5: ") and part != "data.h5: provenance":  # which names the files
                self.assertEqual(other[part], digest, part)

    def test_every_family(self):
        """Each family's model, lists and metrics on 1 to 4 ranks; the blend is of all the others."""
        self.run_well(1, "synth", "--users", "300", "--items", "120", "--events", "9000", "--output", "log")
        rows = self.path("log/items.csv").read_text().splitlines()[1::2]
        self.write("shape.csv", "".join(f"{row.split(',')[0]},{n % 3},{n % 5}\n" for n, row in enumerate(rows, 1)))
        self.run_well(1, "ingest", "--input", "log/events-*.csv", "--columns", "user=user,item=item,type=type,time=time",
                      "--items", "log/items.csv", "--item-vectors", "shape=shape.csv", "--output", "data.h5")
        settings = {"popular": [], "als": ["--k", "12", "--sweeps", "3"],
                    "itemknn": ["--neighbours", "20", "--metric", "bm25", "--exponent", "0.7"],
                    "rp3beta": ["--neighbours", "30"], "userknn": ["--neighbours", "25", "--kept-items", "60"],
                    "spectral": ["--k", "9", "--neighbours", "15"],
                    "ease": ["--neighbours", "20", "--lambda", "20", "--head-items", "70", "--tail", "knn"],
                    "content": ["--k", "7", "--neighbours", "15"],
                    "sessions": ["--step-decay", "0.8", "--neighbours", "20", "--session-half-life-days", "40"]}
        first = {}
        for ranks in (1, 2, 3, 4):
            for family, options in settings.items():
                for name, seen in ((family, []), (family + "-part", ["--hold-out", "random"])):
                    self.run_well(ranks, "train", family, "--dataset", "data.h5", *options, *seen, "--output", name + ".h5")
            self.run_well(ranks, "train", "blend", "--dataset", "data.h5", "--segments", "15,40", "--models",
                          *[f"{family}.h5" for family in settings], "--validation-models",
                          *[f"{family}-part.h5" for family in settings], "--output", "blend.h5")
            for family in [*settings, "blend", "exact"]:
                model = "spectral.h5" if family == "exact" else f"{family}.h5"
                exact = ["--exact-filter"] if family == "exact" else []
                self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", model, "--output", "lists", *exact)
                found = [self.run_well(0, "info", model, "--json").json()["digest"],
                         self.record("lists/run.json")["results"]["lists"]["digest"]]
                if family == "exact":
                    found.append(self.record("lists/run.json")["results"]["exact_filter"]["overlap"])
                if family not in ("blend", "exact"):
                    found.append(self.run_well(ranks, "evaluate", "--dataset", "data.h5", "--model", f"{family}-part.h5",
                                               "--json", "--replicates", "20").json())
                self.assertEqual(found, first.setdefault(family, found), f"{family} on {ranks} ranks")
        self.assertLess(first["exact"][2], 1)
        self.assertGreater(first["exact"][2], 0.3)

    def test_hundred_thousand_ratings(self):
        data = real_data("ml-100k")
        self.check(["--input", str(data / "u.data"), "--format", "tsv", "--columns", "user=0,item=1,rating=2,time=3",
                    "--items", str(data / "u.item"), "--items-delimiter", "|", "--items-columns", "id", "title",
                    "released", "video", "url", *[f"genre{n}" for n in range(19)]],
                   ["als", "--k", "32", "--sweeps", "4", "--hold-out", "random"])

    def test_shop_log(self):
        data = real_data("online-retail")
        self.check(["--input", str(data / "events.csv.gz"), "--format", "csv", "--columns",
                    'user="Customer ID",item=StockCode,time=InvoiceDate,quantity=Quantity,price=Price,name=Description',
                    "--hold-out-days", "30", "--event", "event:cap=log1p", "--half-life-days", "90"],
                   ["als", "--k", "32", "--sweeps", "2"])


if __name__ == "__main__":
    unittest.main()
