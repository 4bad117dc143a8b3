"""pushcart plan --input: bytes of ingest and features as real ones of the log count them, on every rank."""

import gzip
import random
import unittest

from support import BAD_INPUT, STORAGE, USAGE, PipelineTest, real_data

# Every kind of row that goes a way of its own: repeated lines, bots, no user, no time, a return, long and odd ids.
COLUMNS = "user=user,item=item,time=time,type=type,quantity=amount,price=price,query=query,name=name,category=category"
CLEANING = ["--now", "2024-06-01", "--bot-events-per-day", 5, "--quantity-outlier-z", 20, "--exclude-items", "odd 7*",
            "--core-users", 2, "--core-items", 2, "--hold-out-days", 20, "--max-rejects", "off"]


def shop_log(seed, rows):
    """CSV lines of a shop without their header."""
    draw = random.Random(seed)
    lines = []
    for n in range(rows):
        user = draw.choice(["", f"u{draw.randrange(300)}", f"u{draw.randrange(30)}", "busy", "ünï\u0107ode " * draw.randrange(1, 6)])
        item = f"odd {draw.randrange(90)}" if draw.random() < 0.2 else f"{int(draw.paretovariate(0.7)) % 400}"
        month, day = draw.randrange(1, 5), draw.randrange(1, 29)
        time = "soon" if draw.random() < 0.02 else f"2024-{month:02}-{day:02} 10:{draw.randrange(60):02}:00"
        kind = draw.choice(["view", "view", "cart", "purchase", "return"])
        query = draw.choice(["", "", f"red shoes {draw.randrange(40)}"])
        lines.append(f"{user},{item},{time},{kind},{draw.choice([1, 1, 2, 5, 10 ** 6])},{draw.choice([3, 5, -1])},{query},"
                     f"name {item} {draw.randrange(3)},group {len(item)}")
        if draw.random() < 0.1:
            lines.append(draw.choice(lines))
    return lines


class CountedIngest(PipelineTest):
    def assert_counted(self, all_ranks, *ingest, threads=1):
        for ranks in all_ranks:
            self.run_well(ranks, "ingest", *ingest, "--output", "data.h5", threads=threads)
            counted = self.record("data.run.json")["results"]["ingest"]["exchange"]["received_bytes_by_rank"]
            self.assertTrue(ranks == 1 or min(counted) > 0)
            plan = self.run_well(0, "plan", "--input", *ingest[1:], "--family", "popular", "--ranks", ranks, "--json",
                                 threads=threads).json()
            phase = plan["phases"][0]
            self.assertEqual((phase["name"], phase["bytes_are_exact"]), ("ingest", True))
            self.assertEqual(phase["received_bytes_by_rank"], counted, f"{ranks} ranks")
        return plan


class OfShopLogs(CountedIngest):
    def test_every_option_at_once(self):
        header = "user,item,time,type,amount,price,query,name,category\n"
        for file in range(3):
            self.write(f"log-{file}.csv", header + "\n".join(shop_log(file, 900)) + "\n")
        self.write_gz("log-3.csv.gz", header + "\n".join(shop_log(3, 700)) + "\n")
        self.write("items.csv", "id,title,colour\n" + "".join(f"{n},title {n},{n % 7}\n" for n in range(50, 450)))
        self.write("users.csv", "id,country\n" + "".join(f"u{n},{n % 9}\n" for n in range(280)))
        self.write("look.txt", "".join(f"{n},{n % 11},{n % 5},1\n" for n in range(1, 300)))
        options = ["--columns", COLUMNS, *CLEANING, "--items", "items.csv", "--items-unknown", "add", "--users", "users.csv",
                   "--item-vectors", "look=look.txt"]
        before = {path.name for path in self.folder.iterdir()}
        ranks = (1, 2, 3, 4, 7)
        plan = self.assert_counted(ranks, "--input", "log-*.csv", "log-3.csv.gz", *options)
        self.assertEqual({path.name for path in self.folder.iterdir()} - before, {"data.h5", "data.run.json", "rejects.csv.gz"})
        results = self.record("data.run.json")["results"]
        record, added = results["cleaning"], results["item_attributes"]["added"]
        self.assertEqual((plan["data"]["users"], plan["data"]["items"]), (record["users"], record["items"] + added))
        for check in ("duplicate", "bot", "missing_user", "unparseable", "excluded_item", "quantity_outlier"):
            self.assertGreater(record["checks"][check]["rows_dropped"], 0, check)

    def test_ratings_and_lines_of_several_items(self):
        draw = random.Random(5)
        self.write("ratings.dat", "".join(f"{draw.randrange(99)}::{draw.randrange(60)}::{draw.randrange(1, 6)}\n" for _ in range(3000)))
        self.assert_counted((2, 7), "--input", "ratings.dat", "--format", "dcolon", "--columns", "user=0,item=1,value=2")
        self.write_gz("lines.gz", "".join(f"{user} " + " ".join(str(draw.randrange(200)) for _ in range(20)) + "\n" for user in range(150)))
        self.assert_counted((3,), "--input", "lines.gz", "--format", "adjacency", threads=2)


class OfFeatures(PipelineTest):
    def test_they_are_planned_as_they_are_made(self):
        self.write("log.csv", "user,item,time,type,amount,price,query,name,category\n" + "\n".join(shop_log(9, 1500)) + "\n")
        self.write("items.csv", "id,category\n" + "".join(f"{n},{n % 7}\n" for n in range(1, 400)))
        ingest = ["--input", "log.csv", "--columns", COLUMNS, *CLEANING, "--items", "items.csv"]
        self.run_well(1, "ingest", *ingest, "--output", "data.h5")
        for ranks in (1, 2, 3):
            made = self.run_well(ranks, "features", "--dataset", "data.h5", "--input", "log.csv", "--output", "features.h5")
            record = self.record("features.run.json")
            phase = self.run_well(0, "plan", *ingest, "--features", "--family", "popular", "--ranks", ranks, "--json").json()["phases"][-1]
            self.assertEqual((phase["name"], phase["bytes_are_exact"]), ("features", True))
            counted = record["results"]["exchange"]["received_bytes_by_rank"]
            self.assertTrue(ranks == 1 or min(counted) > 0)
            self.assertEqual(phase["received_bytes_by_rank"], counted, f"{ranks} ranks")
            self.assertEqual([step["step"] for step in phase["memory_planned_per_rank"]], ["ingest", "features"])
            for step in phase["memory_planned_per_rank"]:
                self.assertIn(f"memory planned per rank for {step['step']}: {step['memory']}\n", made.err)


class OfRealLogs(CountedIngest):
    def test_online_retail(self):
        self.assert_counted((3,), "--input", real_data("online-retail") / "events.csv.gz", "--columns",
                            "user=Customer ID,item=StockCode,time=InvoiceDate,quantity=Quantity,price=Price,name=Description",
                            "--core-users", 3, "--hold-out-days", 28)


class Refusals(PipelineTest):
    def test_refusals(self):
        self.write("log.csv", "user,item\na,1\nb,2\na,2\nb,1\na,\n")
        log = ["--input", "log.csv", "--columns", "user=user,item=item"]
        for code, words, options in [
            (USAGE, "--columns: says how a log is read", log[2:]),
            (USAGE, "--features: they are made of the log", ["--data", "data.h5", "--features"]),
            (USAGE, "leave out --data", [*log, "--data", "data.h5"]),
            (USAGE, "leave out --events", [*log, "--events", 5]),
            (USAGE, "--hold-out-days", [*log, "--hold-out-days", 5]),
            (USAGE, "the header has no such column", ["--input", "log.csv", "--columns", "user=nobody,item=item"]),
            (BAD_INPUT, "max-rejects", ["--input", "log.csv", "--columns", "user=user,item=item,value=item", "--max-rejects", 0]),
            (STORAGE, "nothere.csv", ["--input", "nothere.csv", *log[2:]]),
            (STORAGE, "nothere.csv", [*log, "--users", "nothere.csv"]),
        ]:
            self.run_badly(0, code, words, "plan", *options, "--ranks", 2)
        phases = self.run_well(0, "plan", *log, "--ranks", 1100, "--family", "popular", "--json").json()["phases"]
        self.assertFalse(phases[0]["bytes_are_exact"])


if __name__ == "__main__":
    unittest.main()
