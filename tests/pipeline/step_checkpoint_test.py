"""Trainings that are done step by step, singular vectors, the dense inverse, a blend's parts, the candidates of a re-ranker,
can be stopped after any of them and taken up on any number of ranks; the model is that of a run never stopped."""

import os
import re
import shutil
import signal
import time
import unittest

from support import BAD_INPUT, STOPPED, SharedFolderTest

COLUMNS = "user=user,item=item,type=type,time=time"
FAMILIES = {
    "spectral": ["spectral", "--k", "24", "--tolerance", "1e-5", "--neighbours", "20"],
    "ease": ["ease", "--lambda", "50", "--neighbours", "30"],
    "content": ["content", "--tags", "category", "--words", "name", "--k", "6", "--tolerance", "1e-5", "--neighbours", "15"],
    "blend": ["blend", "--models", "popular.h5", "als.h5", "itemknn.h5", "--validation-models", "popular-part.h5", "als-part.h5",
              "itemknn-part.h5", "--segments", "20"],
}
RERANK = ["rerank", "--model", "als-part.h5", "itemknn-part.h5", "--rerank-candidates", "25", "--trees", "8"]


class StepCheckpoints(SharedFolderTest):
    def fill(self):
        self.run_well(2, "synth", "--users", "900", "--items", "300", "--events", "30000", "--output", "log")
        self.run_well(2, "ingest", "--input", "log/events-*.csv", "--columns", COLUMNS, "--items", "log/items.csv",
                      "--output", "data.h5")
        parts = {"popular": ["popular"], "als": ["als", "--k", "8", "--sweeps", "3"], "itemknn": ["itemknn", "--neighbours", "20"]}
        for name, words in parts.items():
            self.run_well(2, "train", *words, "--dataset", "data.h5", "--output", f"{name}.h5")
            self.run_well(2, "train", *words, "--dataset", "data.h5", "--hold-out", "random", "--output", f"{name}-part.h5")
        for name in FAMILIES:
            self.run_well(3, *self.train(name, f"whole-{name}"))

    @staticmethod
    def train(family, output, *more):
        return ["train", *FAMILIES[family], "--dataset", "data.h5", "--output", f"{output}.h5", *more]

    def digest(self, path):
        return self.run_well(0, "info", path, "--json").json()["digest"]

    def stopped(self, ranks, command):
        """@return after which step"""
        ended = self.run_program(ranks, *command, "--stop-after-sweeps", 1)
        self.assert_refused(ended, STOPPED, ["stopped after", "--stop-after-sweeps said so"])
        self.assert_nothing_partial()
        return int(re.search(r"stopped after \D+(\d+),", ended.err)[1])

    def assert_whole(self, family, output):
        self.assertEqual(self.digest(f"{output}.h5"), self.digest(f"whole-{family}.h5"))
        self.assertEqual(list(self.folder.glob(f"{output}.checkpoint*")), [], "checkpoints go after success")

    def test_from_two_ranks_to_any(self):
        for family in FAMILIES:
            self.assertEqual(self.stopped(2, self.train(family, family)), 1)
            for ranks, threads in ((1, 2), (2, 1), (3, 1), (4, 1), (7, 1)):
                with self.subTest(family=family, ranks=ranks):
                    output = f"{family}-{ranks}"
                    for folder in self.folder.glob(f"{family}.checkpoint*"):
                        shutil.copytree(folder, self.path(folder.name.replace(family, output)))
                    ended = self.run_well(ranks, *self.train(family, output), threads=threads)
                    self.assertRegex(ended.err, r"going on after \D+1, from")
                    self.assert_whole(family, output)

    def test_a_stop_after_every_step(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                command = self.train(family, f"{family}-often", "--stop-after-sweeps", 1)
                steps = 0
                for ranks in (2, 3, 1, 4, 7, 2, 1, 3, 2, 4, 1, 2, 3, 1, 2):
                    ended = self.run_program(ranks, *command)
                    if ended.code == 0:
                        break
                    self.assert_refused(ended, STOPPED, "stopped after")
                    steps += 1
                self.assertGreaterEqual(steps, 2)
                self.assert_whole(family, f"{family}-often")

    def test_content_stops_in_its_lists_too(self):
        command = self.train("content", "content-lists")
        short = ["--checkpoint-every", "60rows", "--max-hours", 1e-9]
        self.assert_refused(self.run_program(2, *command, *short), STOPPED, "stopped after 120 lists")
        ended = self.run_well(3, *command)
        self.assertIn("going on after 120 lists", ended.err)
        self.assert_whole("content", "content-lists")

    def test_checkpoints_on_the_way_change_nothing(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                ended = self.run_well(2, *self.train(family, f"{family}-saved", "--checkpoint-every", "1sweep"))
                self.assertGreaterEqual(ended.err.count("checkpoint after"), 2)
                self.assert_whole(family, f"{family}-saved")

    def test_another_model_of_that_name_is_refused(self):
        self.stopped(2, self.train("blend", "other"))
        shutil.copy(self.path("als.h5"), self.path("kept.h5"))
        try:
            self.run_well(2, "train", "als", "--k", "9", "--sweeps", "1", "--dataset", "data.h5", "--output", "als.h5")
            self.run_badly(2, BAD_INPUT, ["model als.h5 (", "--resume never"], *self.train("blend", "other"))
        finally:
            shutil.move(self.path("kept.h5"), self.path("als.h5"))
        self.run_badly(3, BAD_INPUT, "--k (24 in the checkpoint, 25 now)",
                       *self.other_setting("spectral", "--k", "25"))
        self.run_badly(3, BAD_INPUT, "--lambda (50", *self.other_setting("ease", "--lambda", "51"))

    def other_setting(self, family, *setting):
        """A command that does not go with the checkpoint that it finds."""
        command = self.train(family, f"{family}-other")
        self.stopped(2, command)
        return [*command, *setting]

    def rerank(self, output, *more):
        return ["train", *RERANK, "--dataset", "data.h5", "--output", f"{output}.h5", *more]

    def test_candidates_of_a_reranker(self):
        whole = self.run_program(3, *self.rerank("whole-rerank"))
        if any("without XGBoost" in line for line in whole.complaints()):
            self.skipTest("built without XGBoost")
        self.assertEqual(whole.code, 0, whole.told())
        self.assertEqual(self.stopped(2, self.rerank("rerank")), 1)
        self.run_badly(2, BAD_INPUT, ["--trees (8 in the checkpoint, 9 now)", "--resume never"], *self.rerank("rerank", "--trees", "9"))
        swapped = {"als-part.h5": "itemknn-part.h5", "itemknn-part.h5": "als-part.h5"}
        self.run_badly(0, BAD_INPUT, ["model 1 (", "model 2 ("], *(swapped.get(word, word) for word in self.rerank("rerank")))
        for ranks, threads in ((1, 2), (3, 1)):
            output = f"rerank-{ranks}"
            shutil.copytree(self.path("rerank.checkpoint"), self.path(f"{output}.checkpoint"))
            ended = self.run_well(ranks, *self.rerank(output), threads=threads)
            self.assertIn("going on after step 1, from", ended.err)
            self.assertNotIn("columns of candidates", ended.err, "they were kept")
            self.assert_whole("rerank", output)
            results = [self.record(f"{name}.run.json")["results"]["rerank"] for name in (output, "whole-rerank")]
            self.assertEqual(*results)
        self.assertIn("columns of candidates", whole.err)
        ended = self.run_program(1, *self.rerank("rerank-late", "--max-hours", 1e-9))
        self.assert_refused(ended, STOPPED, ["stopped after step 1", "rerank-late.checkpoint"])

    def signalled(self, ranks, command, line, to="mpirun"):
        """SIGUSR1 when the log has that line. @return how the job ended"""
        job = self.start(ranks, *command)
        deadline = time.monotonic() + 30
        while line not in os.pread(job.err.fileno(), 1_000_000, 0) and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(job.ranks()[-1] if to == "one rank" else job.process.pid, signal.SIGUSR1)
        return job.wait(30)

    def test_a_signal_stops_a_reranker_after_its_candidates_and_not_later(self):
        whole = self.run_program(2, *self.rerank("unasked"))
        if any("without XGBoost" in line for line in whole.complaints()):
            self.skipTest("built without XGBoost")
        for ranks, to, again in ((3, "mpirun", 1), (2, "one rank", 4), (0, "itself", 7)):
            with self.subTest(ranks=ranks, to=to):
                command = self.rerank(f"asked-{ranks}")
                ended = self.signalled(ranks, command, b"memory planned per rank for train", to)
                self.assert_refused(ended, STOPPED, ["stopped after step 1", "a signal asked", f"asked-{ranks}.checkpoint"])
                self.assert_nothing_partial()
                self.assertFalse(self.path(f"asked-{ranks}.h5").exists())
                ended = self.signalled(again, command, b"going on after step 1")  # its trees are the last step
                self.assertEqual(ended.code, 0, ended.told())
                self.assertEqual(self.digest(f"asked-{ranks}.h5"), self.digest("unasked.h5"))
                self.assertFalse(self.path(f"asked-{ranks}.checkpoint").exists(), "checkpoints go after success")

    def test_a_damaged_checkpoint_gives_way_to_the_one_before(self):
        command = self.train("ease", "ease-damaged")
        for _ in range(2):
            self.stopped(2, command)
        latest = self.path("ease-damaged.checkpoint/step-000002.h5")
        data = bytearray(latest.read_bytes())
        data[len(data) // 2] ^= 1
        latest.write_bytes(data)
        ended = self.run_well(3, *command)
        self.assertIn("going on after block of pivots 1, from", ended.err)
        self.assert_whole("ease", "ease-damaged")


if __name__ == "__main__":
    unittest.main()
