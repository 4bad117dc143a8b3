"""The cleaning report finds every fault that synth planted, no more and no fewer."""

import csv
import gzip
import re
import unittest
from collections import Counter, defaultdict

from support import PipelineTest

COLUMNS = ("user=user,item=item,type=type,time=time,quantity=quantity,price=price,dwell=dwell,query=query,"
           "category=category,name=name")
SERVICE_CODES = "re:^[A-Z ]+$"  # synth writes goods as p20001


class SynthReport(PipelineTest):
    def check(self, planted, cleaning):
        """What synth.json says against the report; every planted line has one fault, so each is dropped for it."""
        dirty = planted["dirty"]
        expected = {"duplicate": dirty["duplicate_line"], "missing_user": dirty["missing_user"],
                    "missing_item": dirty["missing_item"], "bad_price": dirty["bad_price"],
                    "future_time": dirty["future_time"], "excluded_item": dirty["service_code"],
                    "unparseable": dirty["bad_number"] + dirty["bad_time"] + dirty["garbage"]}
        for name, check in cleaning["checks"].items():
            count = expected.get(name, 0)
            self.assertEqual(check, {"rows_with_fault": count, "rows_dropped": count}, name)
        unparseable = dict(cleaning["unparseable"])
        self.assertEqual(unparseable.pop("bad_number"), dirty["bad_number"])
        self.assertEqual(unparseable.pop("bad_time"), dirty["bad_time"])
        self.assertEqual(sum(unparseable.values()), dirty["garbage"])
        self.assertEqual(cleaning["rows_read"], planted["lines"])
        self.assertEqual(cleaning["rows_kept"], planted["lines"] - sum(dirty.values()))
        self.assertEqual(cleaning["events_kept"], planted["clean"])
        self.assertTrue(all(count > 0 for count in dirty.values()), dirty)

    def flow(self, ranks, form, compression):
        self.run_well(ranks, "synth", "--users", "500", "--items", "300", "--events", "30000", "--files", "3", "--seed", "7",
                      "--format", form, "--compression", compression, "--dirt-garbage", "0.004", "--output", "log")
        ending = form + (".gz" if compression == "gzip" else "")
        self.run_well(ranks, "ingest", "--input", f"log/events-*.{ending}", "--format", form, "--columns", COLUMNS,
                      "--exclude-items", SERVICE_CODES, "--output", "data.h5", "--max-rejects", "off")
        self.check(self.record("log/synth.json"), self.record("data.run.json")["results"]["cleaning"])

    def test_csv(self):
        self.flow(0, "csv", "none")
        self.flow(3, "csv", "none")

    def test_gzip_json_lines(self):
        self.flow(2, "jsonl", "gzip")

    def test_memory_is_as_planned(self):
        """The figure printed before the work is the peak measured after it, or above it."""
        for ranks, options in ((1, ["--users", "60000", "--items", "100000", "--events", "200000"]),
                               (3, ["--users", "60000", "--items", "2000", "--events", "200000", "--format", "jsonl",
                                    "--truth-users", "0", "--truth-list-users", "10000", "--truth-list-length", "500"]),
                               (2, ["--users", "300", "--items", "1000", "--events", "400000"])):
            ended = self.run_well(ranks, "synth", *options, "--output", f"log{ranks}")
            planned, unit = re.search(r"memory planned per rank for synth: ([0-9.]+) ([KMG])iB", ended.err).groups()
            planned = float(planned) * {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[unit]
            peak = max(self.record(f"log{ranks}/run.json")["peak_memory_bytes_by_rank"])
            self.assertLess(peak, 1.1 * planned, ended.told())
            self.assertLess(planned, 2 * peak, ended.told())

    def test_bots_are_found(self):
        """Users over the limits, counted again here from the rows that are otherwise fine."""
        self.run_well(2, "synth", "--users", "500", "--items", "2000", "--events", "30000", "--bot-share", "0.01", "--output",
                      "log")
        ingest = ["ingest", "--input", "log/events-*.csv", "--columns", COLUMNS, "--exclude-items", SERVICE_CODES,
                  "--output", "data.h5"]
        self.run_well(2, *ingest)
        with gzip.open(self.path("rejects.csv.gz"), "rt", newline="") as file:
            rejected = {(row["file"], int(row["line"])) for row in csv.DictReader(file)}
        rows, items, by_day = Counter(), defaultdict(set), Counter()
        for path in sorted(self.path("log").glob("events-*.csv")):
            for number, row in enumerate(csv.reader(path.read_text().splitlines()), 1):
                if number > 1 and (f"log/{path.name}", number) not in rejected:
                    rows[row[0]] += 1
                    items[row[0]].add(row[1])
                    by_day[row[0], row[3][:10]] += 1
        for most_items, most_a_day in [(150, 0), (0, 25), (200, 30)]:
            bots = {user for user in rows if most_items and len(items[user]) > most_items}
            bots |= {user for (user, _), count in by_day.items() if most_a_day and count > most_a_day}
            self.assertTrue(0 < len(bots) < len(rows) / 2)
            for ranks in (0, 3):
                self.run_well(ranks, *ingest, "--bot-distinct-items", str(most_items), "--bot-events-per-day",
                              str(most_a_day))
                cleaning = self.record("data.run.json")["results"]["cleaning"]
                self.assertEqual(cleaning["checks"]["bot"]["rows_dropped"], sum(rows[user] for user in bots))
                self.assertEqual(cleaning["rows_kept"], sum(rows.values()) - sum(rows[user] for user in bots))


if __name__ == "__main__":
    unittest.main()
