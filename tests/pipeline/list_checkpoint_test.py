"""Lists that are made some rows at a time, top-N and nearest neighbours, can be stopped and taken up on any number of
ranks, alone, in the whole flow and in a night of a store; they are those of a run never stopped."""

import re
import shutil
import unittest

from support import BAD_INPUT, STOPPED, USAGE, SharedFolderTest

COLUMNS = "user=user,item=item,type=type,time=time"
SHORT = ["--checkpoint-every", "150rows", "--max-hours", 1e-9]  # so short that every run stops after one batch
FAMILIES = {
    "itemknn": ["itemknn", "--neighbours", "30", "--metric", "tfidf", "--keep", "candidates"],
    "rp3beta": ["rp3beta", "--neighbours", "40"],
    "sessions": ["sessions", "--neighbours", "30", "--step-decay", "0.8", "--keep", "candidates"],
}


class ListCheckpoints(SharedFolderTest):
    def fill(self):
        self.run_well(2, "synth", "--users", "1500", "--items", "400", "--events", "40000", "--output", "log")
        self.run_well(2, "ingest", "--input", "log/events-*.csv", "--columns", COLUMNS, "--output", "data.h5")
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "8", "--sweeps", "3", "--output", "als.h5")
        self.run_well(3, *self.lists("whole"))
        for name, family in FAMILIES.items():
            self.run_well(2, "train", *family, "--dataset", "data.h5", "--output", f"whole-{name}.h5")

    @staticmethod
    def lists(output, *more):
        return ["recommend", "--dataset", "data.h5", "--model", "als.h5", "--n", "15", "--output", output, *more]

    def digest(self, path):
        return self.run_well(0, "info", path, "--json").json()["digest"]

    def stopped(self, ranks, command):
        """@return how many lists were done when it stopped"""
        ended = self.run_program(ranks, *command)
        self.assert_refused(ended, STOPPED, ["stopped after", "its time is nearly over"])
        self.assert_nothing_partial()
        return int(re.search(r"stopped after (\d+) lists", ended.err)[1])

    def test_top_n(self):
        self.assertEqual(self.stopped(2, self.lists("saved", *SHORT)), 300)
        for ranks, threads in ((1, 1), (2, 2), (3, 1), (4, 1), (7, 1)):
            with self.subTest(ranks=ranks):
                output = f"lists-{ranks}"
                shutil.copytree(self.path("saved.checkpoint"), self.path(f"{output}.checkpoint"))
                done = self.stopped(ranks, self.lists(output, *SHORT))
                self.assertGreater(done, 300)
                ended = self.run_well(ranks, *self.lists(output), threads=threads)
                self.assertIn(f"going on after {done} lists", ended.err)
                self.assertEqual(self.digest(f"{output}/lists.h5"), self.digest("whole/lists.h5"))
                self.assertFalse(self.path(f"{output}.checkpoint").exists(), "checkpoints go after success")

    def test_neighbours(self):
        for name, family in FAMILIES.items():
            command = ["train", *family, "--dataset", "data.h5"]
            short = ["--checkpoint-every", "60rows", "--max-hours", 1e-9]
            self.assertEqual(self.stopped(2, [*command, "--output", f"{name}.h5", *short]), 120)
            for ranks, threads in ((1, 1), (3, 2), (4, 1), (7, 1)):
                with self.subTest(family=name, ranks=ranks):
                    output = f"{name}-{ranks}"
                    shutil.copytree(self.path(f"{name}.checkpoint"), self.path(f"{output}.checkpoint"))
                    ended = self.run_well(ranks, *command, "--output", f"{output}.h5", threads=threads)
                    self.assertIn("going on after 120 lists", ended.err)
                    self.assertEqual(self.digest(f"{output}.h5"), self.digest(f"whole-{name}.h5"))
                    self.assertFalse(self.path(f"{output}.checkpoint").exists())

    def test_user_neighbours_in_both_parts(self):
        """Users like each user, then their items: stopped in the first part and in the second."""
        command = ["train", "userknn", "--neighbours", "20", "--dataset", "data.h5"]
        self.run_well(2, *command, "--output", "whole-userknn.h5")
        short = ["--checkpoint-every", "400rows", "--max-hours", 1e-9]
        stops = 0
        for ranks in (2, 3, 1, 4, 2, 7, 2, 1, 3):
            ended = self.run_program(ranks, *command, "--output", "userknn.h5", *short)
            if ended.code == 0:
                resumed = self.record("userknn.run.json")["results"]["resumed"]
                self.assertEqual(len(resumed), 2, "both parts went on")
                self.assertEqual([(part["checkpoint"].split("/")[0], part["after_lists"] > 0) for part in resumed],
                                 [("userknn.checkpoint", True), ("userknn.checkpoint.items", True)])
                break
            self.assert_refused(ended, STOPPED, "stopped after")
            stops += 1
        self.assertGreaterEqual(stops, 2)
        self.assertEqual(self.digest("userknn.h5"), self.digest("whole-userknn.h5"))
        self.assertEqual(list(self.folder.glob("userknn.checkpoint*")), [])

    def test_similar_items(self):
        together = ["--metric", "cosine", "--bought-together"]
        for name, options in (("factors", ["--model", "als.h5"]), ("metric", ["--metric", "llr", "--min-support", "2"]),
                              ("together", together)):
            with self.subTest(by=name):
                command = ["similar", "--dataset", "data.h5", "--n", "10", *options]
                self.run_well(2, *command, "--output", f"whole-{name}")
                short = ["--checkpoint-every", "40rows", "--max-hours", 1e-9]
                done = self.stopped(3, [*command, "--output", name, *short])
                self.run_badly(2, BAD_INPUT, "--n (10 in the checkpoint, 11 now)", *command, "--n", "11", "--output", name)
                ended = self.run_well(4, *command, "--output", name)
                self.assertIn(f"going on after {done} lists", ended.err)
                self.assertEqual(self.digest(f"{name}/lists.h5"), self.digest(f"whole-{name}/lists.h5"))
                self.assertFalse(self.path(f"{name}.checkpoint").exists())
        self.assertEqual(self.bought_together("together"), self.bought_together("whole-together"))
        self.run_badly(2, BAD_INPUT, "--min-support", *self.other_metric())

    def bought_together(self, folder):
        """The lines of all ranks."""
        shards = sorted(self.path(folder).glob("together-*.csv"))
        return [line for shard in shards for line in shard.read_text().splitlines()[1:]]

    def other_metric(self):
        """A command that does not go with the checkpoint that it finds."""
        command = ["similar", "--dataset", "data.h5", "--metric", "cosine", "--output", "other-metric"]
        self.stopped(2, [*command, "--checkpoint-every", "40rows", "--max-hours", 1e-9])
        return [*command, "--min-support", "3"]

    def test_exact_filter(self):
        self.run_well(2, "train", "spectral", "--k", "8", "--neighbours", "10", "--dataset", "data.h5", "--output", "filter.h5")
        command = ["recommend", "--dataset", "data.h5", "--model", "filter.h5", "--n", "15", "--exact-filter"]
        self.run_well(3, *command, "--output", "whole-filter")
        done = self.stopped(2, [*command, "--output", "filter", *SHORT])
        self.run_badly(2, BAD_INPUT, "lists (by the exact filter in the checkpoint", *command[:-1], "--output", "filter")
        ended = self.run_well(3, *command, "--output", "filter")
        self.assertIn(f"going on after {done} lists", ended.err)
        self.assertEqual(self.digest("filter/lists.h5"), self.digest("whole-filter/lists.h5"))

    def train_reranker(self):
        """Skips the test where the program has none."""
        for name, words in (("als", ["als", "--k", "8", "--sweeps", "3"]), ("itemknn", ["itemknn", "--neighbours", "20"])):
            self.run_well(2, "train", *words, "--dataset", "data.h5", "--hold-out", "random", "--output", f"part-{name}.h5")
        ended = self.run_program(2, "train", "rerank", "--dataset", "data.h5", "--model", "part-als.h5", "part-itemknn.h5",
                                 "--rerank-candidates", "30", "--trees", "8", "--output", "rerank.h5")
        if any("without XGBoost" in line for line in ended.complaints()):
            self.skipTest("built without XGBoost")
        self.assertEqual(ended.code, 0, ended.told())

    def test_reranked_lists(self):
        self.train_reranker()
        command = ["recommend", "--dataset", "data.h5", "--model", "als.h5", "whole-itemknn.h5", "--rerank", "rerank.h5", "--n", "15"]
        self.run_well(3, *command, "--output", "whole-reranked")
        self.assertEqual(self.stopped(2, [*command, "--output", "reranked", *SHORT]), 300)
        self.run_badly(2, BAD_INPUT, "lists (by re-ranker", *self.lists("reranked"))
        for ranks in (1, 4):
            output = f"reranked-{ranks}"
            shutil.copytree(self.path("reranked.checkpoint"), self.path(f"{output}.checkpoint"))
            ended = self.run_well(ranks, *command, "--output", output)
            self.assertIn("going on after 300 lists", ended.err)
            self.assertEqual(self.digest(f"{output}/lists.h5"), self.digest("whole-reranked/lists.h5"))
            self.assertFalse(self.path(f"{output}.checkpoint").exists(), "checkpoints go after success")
        done = [300]
        for ranks in (3, 7, 2, 1):  # a stop after every batch
            ended = self.run_program(ranks, *command, "--output", "reranked", *SHORT)
            if ended.code == 0:
                break
            self.assert_refused(ended, STOPPED, "stopped after")
            done.append(int(re.search(r"stopped after (\d+) lists", ended.err)[1]))
        self.assertEqual(ended.code, 0, ended.told())
        self.assertEqual(done, sorted(set(done)))
        self.assertGreaterEqual(len(done), 2)
        self.assertEqual(self.digest("reranked/lists.h5"), self.digest("whole-reranked/lists.h5"))

    def test_checkpoints_on_the_way_change_nothing(self):
        ended = self.run_well(3, *self.lists("often", "--checkpoint-every", "100rows"))
        self.assertGreaterEqual(ended.err.count("checkpoint after"), 4)
        self.assertEqual(self.digest("often/lists.h5"), self.digest("whole/lists.h5"))
        ended = self.run_well(2, "train", *FAMILIES["itemknn"], "--dataset", "data.h5", "--output", "often.h5",
                              "--checkpoint-every", "50rows")
        self.assertGreaterEqual(ended.err.count("checkpoint after"), 3)
        self.assertEqual(self.digest("often.h5"), self.digest("whole-itemknn.h5"))

    def test_other_lists_are_refused(self):
        self.stopped(2, self.lists("other", *SHORT))
        self.run_badly(2, BAD_INPUT, ["users, --n, --seen or item files", "--resume never"], *self.lists("other"), "--n", "16")
        self.run_badly(2, BAD_INPUT, "--seen or item files", *self.lists("other"), "--seen", "never")
        self.write("gone.txt", self.path("whole/part-00000.csv").read_text().splitlines()[1].split(",")[2] + "\n")
        self.run_badly(3, BAD_INPUT, "--seen or item files", *self.lists("other"), "--exclude-items", "gone.txt")
        self.run_badly(2, BAD_INPUT, "model (", "recommend", "--dataset", "data.h5", "--model", "whole-itemknn.h5", "--n", "15",
                       "--output", "other")
        self.run_badly(2, USAGE, "is no interval", *self.lists("other"), "--checkpoint-every", "rows")
        self.run_well(3, *self.lists("other"))
        self.assertEqual(self.digest("other/lists.h5"), self.digest("whole/lists.h5"))

    def test_the_whole_flow_goes_on_in_its_lists(self):
        command = ["run", "--ingest.input", "log/events-*.csv", "--ingest.columns", COLUMNS, "--train.k", "8",
                   "--train.sweeps", "2", "--no-push"]
        self.run_well(2, *command, "--output", "flow")
        again = [*command, "--output", "flow-again", *SHORT]
        self.assert_refused(self.run_program(2, *again), STOPPED, "stopped after sweep 1 of 2")
        self.assertEqual(self.stopped(2, again), 300)
        self.assertGreater(self.stopped(3, again), 300)
        self.run_well(4, *command, "--output", "flow-again")
        for output in ("model.h5", "lists/lists.h5"):
            self.assertEqual(self.digest(f"flow-again/{output}"), self.digest(f"flow/{output}"))
        self.assertEqual(list(self.path("flow-again").glob("*.checkpoint")), [])


if __name__ == "__main__":
    unittest.main()
