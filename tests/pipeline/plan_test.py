"""pushcart plan: memory, bytes and time of a job against real runs of it (on real data too, PUSHCART_REAL_DATA), and refusals."""

import json
import unittest

from support import BAD_INPUT, STORAGE, USAGE, PipelineTest, SharedFolderTest, real_data

K, SWEEPS, N = 32, 2, 20
RECORDS = {"ingest": "data.run.json", "train als": "model.run.json", "recommend": "lists/run.json"}


class Planned(SharedFolderTest):
    """Runs of which the plan is known to be right."""

    def run_phases(self, ranks, *ingest):
        self.run_well(ranks, "ingest", *ingest, "--output", "data.h5")
        self.run_well(ranks, "train", "als", "--dataset", "data.h5", "--k", K, "--sweeps", SWEEPS, "--exchange", "sparse",
                      "--checkpoint-every", "off", "--output", "model.h5")
        self.run_well(ranks, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", N, "--output", "lists")

    def plan(self, *options):
        return self.plan_of("als", "--k", K, "--sweeps", SWEEPS, "--n", N, "--exchange", "sparse", *options)

    def plan_of(self, family, *options):
        return self.run_well(1, "plan", "--data", "data.h5", "--family", family, "--json", *options).json()

    def assert_as_run(self, ranks, *options):
        plan = self.plan("--ranks", ranks, *options)
        for phase in plan["phases"]:
            record = self.record(RECORDS[phase["name"]])
            planned, measured = max(phase["peak_memory_bytes_by_rank"]), max(record["peak_memory_bytes_by_rank"])
            self.assertLess(abs(planned / measured - 1), 0.1, f"{phase['name']}: planned {planned}, measured {measured}")
            results = record["results"]
            counted = {"train als": results.get("training", {}).get("exchange", {}).get("received_bytes_by_rank"),
                       "recommend": results.get("recommend", {}).get("scoring", {}).get("received_bytes_by_rank")}
            if phase["name"] in counted:
                self.assertTrue(phase["bytes_are_exact"])
                self.assertEqual(phase["received_bytes_by_rank"], counted[phase["name"]], phase["name"])
                self.assertTrue(ranks == 1 or sum(counted[phase["name"]]) > 0)
        self.assert_ingest_received(plan["phases"][0])

    def assert_trained_as_planned(self, family, *options, rates=None, all_ranks=(1, 2, 3)):
        """The memory that each step says in its log, to the word, and bytes to the last one."""
        for ranks in all_ranks:
            log = self.run_well(ranks, "train", family, "--dataset", "data.h5", *options, "--checkpoint-every", "off",
                                "--output", f"{family}.h5").err
            phase = self.plan_of(family, *options, *(["--rates", rates] if rates else []), "--ranks", ranks)["phases"][1]
            self.assertEqual(phase["name"], f"train {family}")
            self.assert_said(phase, log)
            counted = self.record(f"{family}.run.json")["results"]["training"]["exchange"]["received_bytes_by_rank"]
            self.assertTrue(phase["bytes_are_exact"])
            self.assertEqual(phase["received_bytes_by_rank"], counted, f"{ranks} ranks")
            self.assertTrue(ranks == 1 or min(counted) > 0)

    def assert_said(self, phase, log):
        self.assertGreater(len(phase["memory_planned_per_rank"]), 0)
        for step in phase["memory_planned_per_rank"]:
            self.assertIn(f"memory planned per rank for {step['step']}: {step['memory']}\n", log)

    def assert_ingest_received(self, phase):
        """As expected of ids, lines and events that any rank may own: chance makes the ranks differ."""
        self.assertEqual((phase["name"], phase["bytes_are_exact"]), ("ingest", False))
        planned = phase["received_bytes_by_rank"]
        counted = self.record("data.run.json")["results"]["ingest"]["exchange"]["received_bytes_by_rank"]
        self.assertGreater(min(counted), 0)
        self.assertLess(abs(sum(planned) / sum(counted) - 1), 0.02, f"planned {planned}, counted {counted}")
        for here, there in zip(planned, counted, strict=True):
            self.assertLess(abs(here / there - 1), 0.05, f"planned {planned}, counted {counted}")


class OfSynth(Planned):
    RANKS = 3

    def fill(self):
        self.run_well(1, "synth", "--output", "shop", "--users", 8000, "--items", 5000, "--events", 400000, "--seed", 3)
        tags = "\n".join(f"p{20001 + item},{item % 1499}|{item % 1487}" for item in range(5000))
        self.write("tags.csv", "item,tags\n" + tags + "\n")
        self.run_phases(self.RANKS, "--input", "shop/events-*.csv", "--columns", "user=user,item=item,time=time", "--max-rejects", "off",
                        "--items", "tags.csv")

    def test_memory_and_bytes_are_those_of_the_runs(self):
        self.assert_as_run(self.RANKS)

    def test_maps_from_attributes_are_planned_as_they_are_fitted(self):
        for options in (["--item-attributes", "tags"], ["--item-attributes", "tags", "--attribute-map", "joint"]):
            self.run_well(self.RANKS, "train", "als", "--dataset", "data.h5", "--k", K, "--sweeps", SWEEPS, "--exchange", "sparse",
                          "--checkpoint-every", "off", *options, "--output", "mapped.h5")
            record, phase = self.record("mapped.run.json"), self.plan("--ranks", self.RANKS, *options)["phases"][1]
            self.assertEqual(phase["received_bytes_by_rank"], record["results"]["training"]["exchange"]["received_bytes_by_rank"])
            planned, measured = max(phase["peak_memory_bytes_by_rank"]), max(record["peak_memory_bytes_by_rank"])
            self.assertLess(abs(planned / measured - 1), 0.1, f"{options}: planned {planned}, measured {measured}")
            # The matrix of some 1,500 values is of a size that shows.
            self.assertGreater(planned, 1.2 * max(self.plan("--ranks", self.RANKS)["phases"][1]["peak_memory_bytes_by_rank"]))

    def test_evaluation_is_planned_where_ingest_held_out(self):
        self.assertNotIn("evaluate", [phase["name"] for phase in self.plan("--ranks", self.RANKS)["phases"]])
        self.run_well(self.RANKS, "ingest", "--input", "shop/events-*.csv", "--columns", "user=user,item=item,time=time",
                      "--max-rejects", "off", "--hold-out-days", 30, "--output", "timed.h5")
        self.run_well(self.RANKS, "train", "als", "--dataset", "timed.h5", "--k", K, "--sweeps", SWEEPS, "--output", "timed-als.h5")
        self.run_well(self.RANKS, "evaluate", "--dataset", "timed.h5", "--model", "timed-als.h5", "--run-record", "evaluation.json")
        phase = self.plan("--data", "timed.h5", "--ranks", self.RANKS)["phases"][-1]
        self.assertEqual(phase["name"], "evaluate")
        planned, measured = max(phase["peak_memory_bytes_by_rank"]), max(self.record("evaluation.json")["peak_memory_bytes_by_rank"])
        self.assertLess(abs(planned / measured - 1), 0.1, f"planned {planned}, measured {measured}")

    def test_dense_and_spectral_trainings_are_planned_as_they_run(self):
        for family, options in (("ease", ["--head-items", 300, "--neighbours", 20]), ("spectral", ["--k", 8, "--neighbours", 20])):
            self.run_well(self.RANKS, "train", family, "--dataset", "data.h5", *options, "--output", f"{family}.h5")
            record = self.record(f"{family}.run.json")
            phase = self.plan_of(family, *options, "--ranks", self.RANKS, "--rates", f"{family}.run.json")["phases"][1]
            self.assertEqual(phase["name"], f"train {family}")
            self.assertTrue(phase["bytes_are_exact"])
            counted = record["results"]["training"]["exchange"]["received_bytes_by_rank"]
            self.assertGreater(min(counted), 0)
            self.assertEqual(phase["received_bytes_by_rank"], counted)
            for planned, measured in zip(phase["peak_memory_bytes_by_rank"], record["peak_memory_bytes_by_rank"], strict=True):
                self.assertLess(abs(planned / measured - 1), 0.1, f"{family}: planned {planned}, measured {measured}")

    def test_sessions_are_planned_as_they_are_trained(self):
        self.assert_trained_as_planned("sessions", "--preset", "markov", "--neighbours", 30)

    def test_content_is_planned_as_it_is_trained(self):
        options = ["--tags", "tags", "--k", 8, "--neighbours", 20]
        self.assert_trained_as_planned("content", *options, "--keep", "history", rates="content.run.json")
        phase = self.plan_of("content", *options, "--ranks", 2, "--rates", "content.run.json")["phases"][1]
        self.assertFalse(phase["bytes_are_exact"])  # lists of candidates go to the items of histories
        phase = self.plan_of("content", *options, "--ranks", 2, "--keep", "history")["phases"][1]
        self.assertFalse(phase["bytes_are_exact"])  # without a record the steps of the iteration are not known
        phase = self.plan_of("content", *options, "--ranks", 2, "--keep", "history", "--k", 0)["phases"][1]
        self.assertTrue(phase["bytes_are_exact"])

    def test_popularity_is_planned_as_it_runs(self):
        self.run_well(self.RANKS, "train", "popular", "--dataset", "data.h5", "--output", "popular.h5")
        self.run_well(self.RANKS, "recommend", "--dataset", "data.h5", "--model", "popular.h5", "--n", N, "--output", "popular")
        phases = {phase["name"]: phase for phase in self.plan_of("popular", "--n", N, "--ranks", self.RANKS)["phases"]}
        for name, path in (("train popular", "popular.run.json"), ("recommend", "popular/run.json")):
            planned, measured = max(phases[name]["peak_memory_bytes_by_rank"]), max(self.record(path)["peak_memory_bytes_by_rank"])
            self.assertLess(abs(planned / measured - 1), 0.1, f"{name}: planned {planned}, measured {measured}")
        counted = self.record("popular/run.json")["results"]["recommend"]["scoring"]["received_bytes_by_rank"]
        self.assertGreater(min(counted), 0)
        self.assertEqual(phases["recommend"]["received_bytes_by_rank"], counted)

    def test_rates_come_from_run_records(self):
        record = self.record("lists/run.json")
        plan = self.plan("--ranks", 2, "--rates", "data.run.json", "model.run.json", "lists/run.json", "--network-bytes-per-second", "5e9")
        self.assertEqual({name: rate["source"] for name, rate in plan["rates"].items()},
                         {"ingested_lines": "data.run.json", "product_flops": "model.run.json", "gathered_bytes": "model.run.json",
                          "sweep_factor": "model.run.json", "scored_pairs": "lists/run.json", "multiply_adds": "docs/similarity.md",
                          "subspace_rounds": "docs/planning.md", "subspace_products": "docs/planning.md", "network_bytes": "given"})
        pairs = record["results"]["recommend"]["scoring"]["pairs"]
        rate = record["results"]["recommend"]["scoring"]["scores_per_second_per_core"]
        self.assertAlmostEqual(plan["phases"][2]["work_seconds"], pairs / rate / 2, delta=1e-6)

    def test_the_smallest_allocation_meets_the_deadline_and_one_node_less_does_not(self):
        search = ["--cores-per-node", 2, "--pairs-per-second", 1e6, "--max-nodes", 100]
        one = self.plan("--ranks", 2, *search)
        deadline = one["seconds"] / 5
        plan = self.plan("--deadline", f"{deadline}s", *search)
        self.assertGreater(plan["nodes"], 1)
        self.assertEqual(plan["ranks"], 2 * plan["nodes"])
        self.assertLessEqual(plan["seconds"], deadline)
        self.assertGreater(self.plan("--ranks", 2 * (plan["nodes"] - 1), *search)["seconds"], deadline)
        self.assertIn(f"#SBATCH --nodes={plan['nodes']}", plan["sbatch"])
        self.assertIn("#SBATCH --ntasks-per-node=2", plan["sbatch"])

    def test_what_cannot_be_met_is_refused(self):
        self.run_badly(1, USAGE, ["--max-nodes 4", "--deadline 1 s"], "plan", "--data", "data.h5", "--cores-per-node", 1, "--max-nodes", 4,
                       "--deadline", "1s", "--pairs-per-second", 1000)
        self.run_badly(1, USAGE, ["--memory-per-rank 20.0 MiB"], "plan", "--data", "data.h5", "--ranks", 2, "--memory-per-rank", "20MiB")


class OfRealData(Planned):
    def fill(self):
        self.run_phases(2, "--input", real_data("gowalla") / "train.txt.gz", "--format", "adjacency")

    def test_memory_and_bytes_are_those_of_the_runs(self):
        self.assert_as_run(2, "--compressed-files", 1)

    def test_memory_by_users_alike(self):
        plan = json.loads(self.run_well(1, "plan", "--data", "data.h5", "--family", "userknn", "--neighbours", 50, "--kept-items", 200,
                                        "--ranks", 2, "--json").out)
        self.run_well(2, "train", "userknn", "--dataset", "data.h5", "--neighbours", 50, "--kept-items", 200, "--output", "users.h5")
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "users.h5", "--output", "users-lists")
        for phase, path in ((1, "users.run.json"), (2, "users-lists/run.json")):
            planned = max(plan["phases"][phase]["peak_memory_bytes_by_rank"])
            measured = max(self.record(path)["peak_memory_bytes_by_rank"])
            self.assertLess(abs(planned / measured - 1), 0.1, f"{path}: planned {planned}, measured {measured}")

    def test_memory_by_neighbours(self):
        """Models of item weights, and similar items."""
        records = {"train itemknn": "knn.run.json", "recommend": "knn-lists/run.json", "similar": "like/run.json"}
        plan = json.loads(self.run_well(1, "plan", "--data", "data.h5", "--family", "itemknn", "--neighbours", 50,
                                        "--similar-metric", "llr", "--ranks", 2, "--json").out)
        self.run_well(2, "train", "itemknn", "--dataset", "data.h5", "--neighbours", 50, "--output", "knn.h5")
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "knn.h5", "--output", "knn-lists")
        self.run_well(2, "similar", "--dataset", "data.h5", "--metric", "llr", "--output", "like")
        for phase in plan["phases"]:
            if phase["name"] not in records:
                continue
            planned = max(phase["peak_memory_bytes_by_rank"])
            measured = max(self.record(records.pop(phase["name"]))["peak_memory_bytes_by_rank"])
            self.assertLess(abs(planned / measured - 1), 0.1, f"{phase['name']}: planned {planned}, measured {measured}")
        self.assertEqual(records, {})


class FromCounts(PipelineTest):
    COUNTS = ["plan", "--users", 50000, "--items", 9000, "--events", 2000000, "--pairs", 1500000]

    def test_text_says_what_is_assumed_and_has_lines_to_paste(self):
        text = self.run_well(1, *self.COUNTS, "--ranks", 8, "--cores-per-node", 4).out
        for words in ("assumed: 50000 users, 9000 items, 1500000 pairs", "(r + 5)^-0.8", "#SBATCH --nodes=2", "#SBATCH --requeue",
                      "memory of the fullest rank", "train als"):
            self.assertIn(words, text)

    def test_more_ranks_need_less_memory_and_time_each(self):
        few, many = (json.loads(self.run_well(1, *self.COUNTS, "--ranks", ranks, "--json").out) for ranks in (2, 16))
        self.assertLess(many["peak_memory_bytes"], few["peak_memory_bytes"])
        self.assertLess(many["seconds"], few["seconds"])
        self.assertFalse(many["phases"][1]["bytes_are_exact"])

    def test_options_that_mean_nothing_for_the_family_are_refused(self):
        families = ("als", "itemknn", "rp3beta", "userknn", "ease", "spectral")
        for option, value, meant in (("neighbours", 9, [*families[1:], "sessions", "content"]), ("max-steps", 9, ["sessions"]), ("kept-items", 9, ["userknn"]),
                                     ("metric", "llr", ["itemknn", "userknn"]), ("k", 9, ["als", "spectral", "content"]),
                                     ("head-items", 9, ["ease"]), ("preset", "puresvd", ["spectral"]), ("preset", "markov", ["sessions"]), ("keep", "candidates", ["sessions", "content"]), ("words", "name", ["content"]), ("vectors", "look", ["content"]), ("sweeps", 9, ["als"]),
                                     ("solver", "cg", ["als"]), ("exchange", "stream", ["als"]), ("gather-precision", "bf16", ["als"]),
                                     ("batch-memory", "9MiB", ["als"]), ("user-attributes", "a", ["als"]),
                                     ("item-attributes", "a", ["als"]), ("attribute-map", "joint", ["als"]), ("tag-separator", ",", ["als", "content"])):
            for family in [*meant, next(family for family in families if family not in meant)]:
                refused = f"--{option}: means nothing for --family {family}"
                words, code = (refused, USAGE) if family not in meant else ("nothere.h5", STORAGE)
                self.run_badly(0, code, words, "plan", "--data", "nothere.h5", "--ranks", 2, "--family", family, f"--{option}", value)

    def test_refusals(self):
        for words, options in [
            ("--users: must be at least 1", ["--items", 5, "--events", 5, "--ranks", 2]),
            ("--events: must be at least 1", ["--users", 5, "--items", 5, "--ranks", 2]),
            ("--pairs: must be at most users times items", ["--users", 5, "--items", 5, "--events", 26, "--ranks", 2]),
            ("--family: 'blend' is not planned: it takes", [*self.COUNTS[1:], "--ranks", 2, "--family", "blend"]),
            ("--data: neighbours depend", [*self.COUNTS[1:], "--ranks", 2, "--family", "content"]),
            ("--family: 'eases' is none of", [*self.COUNTS[1:], "--ranks", 2, "--family", "eases"]),
            ("--data: the sparse products of ease", [*self.COUNTS[1:], "--ranks", 2, "--family", "ease"]),
            ("--data: the sparse products of spectral", [*self.COUNTS[1:], "--ranks", 2, "--family", "spectral"]),
            ("--data: neighbours depend", [*self.COUNTS[1:], "--ranks", 2, "--family", "itemknn"]),
            ("--data: neighbours depend", [*self.COUNTS[1:], "--ranks", 2, "--similar-metric", "llr"]),
            ("--data: attributes are those of a data set", [*self.COUNTS[1:], "--ranks", 2, "--user-attributes", "country"]),
            ("--k must be between 1 and 16384", [*self.COUNTS[1:], "--ranks", 2, "--k", 20000]),
            ("--ranks: say how many", self.COUNTS[1:]),
            ("--data: has its own users", [*self.COUNTS[1:], "--ranks", 2, "--data", "data.h5"]),
            ("--deadline: without --ranks", [*self.COUNTS[1:], "--cores-per-node", 8]),
            ("--deadline: 'soon' is no time", [*self.COUNTS[1:], "--ranks", 2, "--deadline", "soon"]),
            ("--flops: '-1' is not a number above 0", [*self.COUNTS[1:], "--ranks", 2, "--flops=-1"]),
        ]:
            self.run_badly(1, USAGE, words, "plan", *options)
        self.run_badly(2, USAGE, "without mpirun", *self.COUNTS, "--ranks", 2)
        self.write("empty.json", "{}")
        self.write("broken.json", "{")
        self.run_badly(1, BAD_INPUT, "holds no rates", *self.COUNTS, "--ranks", 2, "--rates", "empty.json")
        self.run_badly(1, BAD_INPUT, "is not a run record", *self.COUNTS, "--ranks", 2, "--rates", "broken.json")
        self.run_badly(1, STORAGE, "nothere.h5", "plan", "--data", "nothere.h5", "--ranks", 2)


if __name__ == "__main__":
    unittest.main()
