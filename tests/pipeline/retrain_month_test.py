"""A month of nights in a small shop, compressed: drift, a sale, logs that are broken, empty, copied, cut short or late, an
attack of bots, a bad setting. What must be published is, what must not is not.

The table in docs/retraining-measured.md is what this test prints with PUSHCART_TEST_TABLE=1."""

import gzip
import os
import unittest

import retrain_test

FIRST_NIGHT, LAST_NIGHT = 15, 44



class Month(retrain_test.Shop):
    DAYS, USERS, EVENTS = LAST_NIGHT, 150, 26400
    SYNTH = ("--popularity-drift", "0.4", "--taste-drift", "0.6")

    def bots(self, day):
        """A hundred users who view everything, on one day."""
        time = self.days[day][-1].rsplit(",", 1)[1]
        items = sorted({line.split(",")[1] for line in self.days[1]})
        return "".join(f"bot{n},{item},view,{time}" for n in range(100) for item in items)

    def sale(self, day):
        """Every event three times, at other seconds."""
        lines = []
        for line in self.days[day]:
            user, item, kind, time = line.rstrip("\n").split(",")
            lines += [f"{user},{item},{kind},{self.later(time, seconds)}\n" for seconds in (0, 1, 2)]
        return lines

    @staticmethod
    def later(time, seconds):
        if time.isdigit():
            return int(time) + seconds
        second = int(time[17:19])
        return f"{time[:17]}{min(59, second + seconds):02}{time[19:]}"

    def broken(self, day):
        return "".join(line if n % 2 == 0 else f"{n};no;line;of;ours\n"
                       for n, line in enumerate(self.lines(day).splitlines(keepends=True)))

    def arrive(self, day):
        """What comes into the folder of the logs before a night, where it is not simply that day's log."""
        name = f"logs/day-{day:02}.csv"
        if day == 20:
            self.write(name, "user,item,type,time\n" + "".join(self.sale(day)))
        elif day == 23:
            self.write(name, self.broken(day))
        elif day == 26:
            self.write(name, "")
        elif day == 29:
            self.write(name, self.lines(28))
        elif day == 33:
            self.write(name, self.lines(day) + self.bots(day))
        elif day == 40:
            whole = gzip.compress(self.lines(day).encode(), mtime=0)
            self.write(name + ".gz", whole[:len(whole) // 2])
        else:
            self.bring(day)
        if day == 41:
            self.write_gz("logs/day-40.csv.gz", self.lines(40))

    def test_month(self):
        expected = {23: "new rows are bad", 26: "without an event", 29: "with the lines of another",
                    33: "'view' events in a day", 34: "'view' events in a day", 40: "day-40.csv.gz",
                    42: "in service"}
        self.bring(1, FIRST_NIGHT - 1)
        for day in range(FIRST_NIGHT, LAST_NIGHT + 1):
            self.arrive(day)
            if day == 37:
                continue  # the cluster was down
            options = ["--max-worse", "0.3", "--cold-every", "7", "--window-days", "30"]
            if day >= 35:
                options += ["--skip-logs", "day-33.csv"]
            if day == 42:
                options += ["--train.lambda", "1e-9", "--train.alpha0", "1e-6", "--train.nu", "0", "--cold-every", "1"]
            if day in expected:
                self.held(day, expected[day], *options)
            else:
                self.published(day, *options)
        history = self.history()
        self.assertEqual(len(history["nights"]), LAST_NIGHT - FIRST_NIGHT)
        caught_up = next(night for night in history["nights"] if night["time"].startswith("2025-02-08"))
        self.assertEqual(len(caught_up["new_files"]), 2)
        self.assertLessEqual(len(history["versions"]), 3)
        if os.environ.get("PUSHCART_TEST_TABLE"):
            print(self.run_well(0, "history", "--store", "store").out)


if __name__ == "__main__":
    unittest.main()
