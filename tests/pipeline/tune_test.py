"""Searches of settings: the same winner on any ranks and groups, resumed, shared between jobs, refused clearly."""

import json
import unittest

from support import USAGE, PipelineTest

SPACE = """
k = [4, 8]
lambda = { low = 0.001, high = 0.05, scale = "log" }
sweeps = 2
"""


class Tune(PipelineTest):
    def setUp(self):
        super().setUp()
        self.run_well(0, "synth", "--output", "shop", "--users", "200", "--items", "80", "--events", "8000")
        self.run_well(0, "ingest", "--input", "shop/events-*.csv", "--columns", "user=user,item=item", "--output", "data.h5")
        self.write("space.toml", SPACE)

    def tune(self, ranks, output, *options):
        self.run_well(ranks, "tune", "als", "--dataset", "data.h5", "--space", "space.toml", "--output", output, *options)
        name = f"run-{options[options.index('--share') + 1].split('/')[0]}.json" if "--share" in options else "run.json"
        return self.record(f"{output}/{name}")["results"]["tuning"]

    def trials(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    @staticmethod
    def outcome(tuning):
        return [(trial["trial"], trial["settings"], trial["metric"]) for trial in tuning["finalists"]]

    def test_same_winner_on_any_ranks_and_groups(self):
        alone = self.tune(0, "alone", "--trials", "5")
        self.assertTrue(alone["complete"])
        self.assertEqual(len(alone["finalists"]), 5)
        metrics = [trial["metric"] for trial in alone["finalists"]]
        self.assertEqual(metrics, sorted(metrics, reverse=True))
        for trial in alone["finalists"]:
            self.assertIn(trial["settings"]["k"], ("4", "8"))
            self.assertTrue(0.001 <= float(trial["settings"]["lambda"]) <= 0.05, trial)
            self.assertEqual(trial["settings"]["sweeps"], "2")
        for ranks, groups in ((3, 1), (3, 2), (4, 4)):
            together = self.tune(ranks, f"together-{ranks}-{groups}", "--trials", "5", "--groups", groups)
            self.assertEqual(self.outcome(together), self.outcome(alone))
        with open(self.path("alone/tuning.svg"), encoding="utf-8") as file:
            self.assertEqual(file.read().count("<circle"), 5)

    def test_winner_is_what_train_makes_of_it(self):
        winner = self.tune(0, "search", "--trials", "3", "--hold-out-seed", "3")["winner"]
        self.run_well(0, "train", "--config", "search/best.toml", "--hold-out", "random", "--hold-out-seed", "3", "--output",
                      "model.h5")
        metrics = self.run_well(0, "evaluate", "--dataset", "data.h5", "--model", "model.h5", "--at", "20", "--json").json()
        self.assertAlmostEqual(metrics["recall@20"]["value"], winner["metric"], places=9)

    def test_goes_on_where_it_stopped(self):
        self.tune(0, "search", "--trials", "2")
        first = self.trials("search/trials.jsonl")
        whole = self.tune(2, "search", "--trials", "4")
        again = self.trials("search/trials.jsonl")
        self.assertEqual(len(again), 4)
        self.assertEqual(again[:2], first)  # with their seconds: not done again
        self.assertEqual(self.outcome(whole), self.outcome(self.tune(0, "fresh", "--trials", "4")))
        other = self.tune(0, "search", "--trials", "4", "--hold-out-seed", "8")  # other data: all done again
        self.assertNotEqual(self.outcome(other), self.outcome(whole))

    def test_shares_of_several_jobs(self):
        self.assertFalse(self.tune(0, "shared", "--trials", "5", "--share", "1/2")["complete"])
        shared = self.tune(2, "shared", "--trials", "5", "--share", "2/2")
        self.assertEqual(len(self.trials("shared/trials-1.jsonl")), 3)
        self.assertEqual(len(self.trials("shared/trials-2.jsonl")), 2)
        self.assertEqual(self.outcome(shared), self.outcome(self.tune(0, "alone", "--trials", "5")))

    def test_successive_halving(self):
        halved = self.tune(3, "halved", "--trials", "8", "--strategy", "halving", "--budget-min", "1", "--budget-max", "4",
                           "--groups", "3")
        by_rung = [sum(trial["rung"] == rung for trial in self.trials("halved/trials.jsonl")) for rung in range(3)]
        self.assertEqual(by_rung, [8, 4, 2])
        alone = self.tune(0, "alone", "--trials", "8", "--strategy", "halving", "--budget-min", "1", "--budget-max", "4")
        self.assertEqual(self.outcome(halved), self.outcome(alone))
        with open(self.path("halved/best.toml"), encoding="utf-8") as file:
            self.assertIn("sweeps = 4", file.read())

    def test_successive_halving_on_users(self):
        options = ["--trials", "4", "--strategy", "halving", "--budget-key", "users", "--budget-min", "25", "--budget-max",
                   "100"]
        halved = self.tune(3, "halved", *options, "--groups", "2")
        by_rung = [sum(trial["rung"] == rung for trial in self.trials("halved/trials.jsonl")) for rung in range(3)]
        self.assertEqual(by_rung, [4, 2, 1])
        self.assertEqual(self.outcome(halved), self.outcome(self.tune(0, "alone", *options)))
        # The last rung is of all users: what a plain search finds for this setting.
        plain = self.tune(0, "plain", "--trials", "4")
        winner = halved["winner"]
        same = [trial for trial in plain["finalists"] if trial["trial"] == winner["trial"]]
        self.assertEqual(same[0]["metric"], winner["metric"])
        first = [trial["metric"] for trial in self.trials("halved/trials.jsonl") if trial["rung"] == 0]
        self.assertNotEqual(first, [trial["metric"] for trial in sorted(plain["finalists"], key=lambda t: t["trial"])])
        with open(self.path("halved/best.toml"), encoding="utf-8") as file:
            self.assertNotIn("\nusers = ", file.read())

    def test_grid(self):
        self.write("space.toml", "k = [2, 4]\nlambda = { low = 0.001, high = 0.1, scale = \"log\", steps = 3 }\nsweeps = 1\n")
        grid = self.tune(0, "grid", "--strategy", "grid")
        self.assertEqual({(t["settings"]["k"], t["settings"]["lambda"]) for t in grid["finalists"]},
                         {(k, lam) for k in ("2", "4") for lam in ("0.001", "0.01", "0.1")})

    def test_a_setting_that_fails_is_a_failed_trial(self):
        self.write("space.toml", "k = [4]\nlambda = [0.01, -1]\nsweeps = 1\n")
        tuning = self.tune(2, "search", "--strategy", "grid")
        self.assertEqual(tuning["winner"]["settings"]["lambda"], "0.01")
        self.assertIn("--lambda", tuning["finalists"][1]["error"])

    def test_refusals(self):
        for text, words in (("kk = [1]", "did you mean"), ("k = {low = 3, high = 2}", "low < high"), ("", "no parameter"),
                            ("k = [", "space.toml:1"), ("lambda = {low = 0, high = 1, scale = \"log\"}", "low > 0")):
            self.write("space.toml", text + "\n")
            for ranks in (0, 3):
                self.run_badly(ranks, USAGE, [words], "tune", "als", "--dataset", "data.h5", "--space", "space.toml",
                               "--output", "never")
        self.write("space.toml", SPACE)
        for options, words in ((["--strategy", "grid"], "steps"), (["--share", "3/2"], "--share"),
                               (["--trials", "0"], "--trials"),
                               (["--strategy", "halving", "--budget-key", "users", "--budget-max", "101"], "--budget-max"),
                               (["--groups", "0"], "--groups")):
            self.run_badly(2, USAGE, [words], "tune", "als", "--dataset", "data.h5", "--space", "space.toml", "--output",
                           "never", *options)


if __name__ == "__main__":
    unittest.main()
