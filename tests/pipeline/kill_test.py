"""A rank that dies at any moment ends the job, leaves earlier outputs whole, and the same command run again gives what
it would have given, a training from its checkpoints. A set of files in a folder changes at one moment, or says that it is incomplete."""

import os
import random
import signal
import time
import unittest

from support import BAD_INPUT, DONE, PipelineTest, SharedFolderTest, faults

COLUMNS = "user=user,item=item,type=type,time=time,quantity=quantity,price=price,name=name"
RANKS = 3
RECORDS = {"data.h5": "data.run.json", "features.h5": "features.run.json", "model.h5": "model.run.json",
           "lists": "lists/run.json", "made": "made/run.json"}


class KilledRank(PipelineTest):
    def setUp(self):
        super().setUp()
        for seed in (1, 2):
            self.run_well(2, "synth", "--users", "4000", "--items", "1000", "--events", "300000", "--files", "3", "--seed",
                          str(seed), "--output", f"log{seed}")

    @staticmethod
    def command(output, seed, to=""):
        """The command that writes this output, in one of two versions, to another name if wanted."""
        commands = {"data.h5": ["ingest", "--input", f"log{seed}/events-*.csv", "--columns", COLUMNS],
                    "features.h5": ["features", "--dataset", "data.h5", "--input", "log1/events-*.csv", "--price-bands",
                                    4 + int(seed)],
                    "model.h5": ["train", "als", "--dataset", "data.h5", "--k", "64", "--sweeps", "4", "--seed", seed,
                                 "--checkpoint-every", "1sweep", "--checkpoint", f"checkpoint-{seed}"],
                    "made": ["synth", "--users", "4000", "--items", "1000", "--events", "300000", "--seed", seed],
                    "lists": ["recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", 20 * seed, "--format",
                              "csv", "jsonl"]}
        return [*commands[output], "--output", to or output]

    def content(self, output):
        """Digests of an output; a killed process cannot clean up, so NAME.partial* may lie beside it."""
        return {path: digest for path, digest in self.digests(output).items() if ".partial" not in path}

    def content_digest(self, output):
        if output.endswith("made"):
            return {os.path.basename(path): digest for path, digest in self.content(output).items()
                    if not path.endswith("run.json")}
        name = output + "/lists.h5" if output.endswith("lists") else output
        return self.run_well(0, "info", name, "--json").json()["digest"]

    def kill_one(self, command, moment, rank):
        """Kills a rank `moment` seconds after the work began. @return how the run ended"""
        job = self.start(RANKS, *command)
        deadline = time.monotonic() + 20
        while b"ranks x" not in os.pread(job.err.fileno(), 10_000, 0) and time.monotonic() < deadline:
            time.sleep(0.001)
        ranks = sorted(job.ranks())
        time.sleep(moment)
        try:
            os.kill(ranks[rank], signal.SIGKILL)
        except (ProcessLookupError, IndexError):
            pass  # it has ended already
        return job.wait(20)

    def check(self, output, draw, kills=3):
        self.run_well(RANKS, *self.command(output, 2, "probe-" + output))
        record = self.record("probe-" + RECORDS[output])
        wanted = self.content_digest("probe-" + output)
        before = self.content(output)
        hits = 0
        for _ in range(20):
            ended = self.kill_one(self.command(output, 2), draw.uniform(0, record["seconds"]), draw.randrange(RANKS))
            if "run record:" in ended.err:  # it was too late: the work was done
                self.run_well(RANKS, *self.command(output, 1))
                self.assertEqual(self.content(output).keys(), before.keys())
                before = self.content(output)
                continue
            hits += 1
            self.assertNotEqual(ended.code, 0, ended.told())
            if self.content(output) != before:  # killed between the last name given and the record: all is new
                self.assertEqual(self.content_digest(output), wanted, "neither the old output nor the new" + ended.told())
                self.run_well(RANKS, *self.command(output, 1))
                before = self.content(output)
            if hits == kills:
                break
        self.assertGreaterEqual(hits, 2, "never hit while it ran")
        self.run_well(RANKS, *self.command(output, 2))
        self.assertEqual(self.content_digest(output), wanted)
        self.assert_nothing_partial()

    def test_outputs_survive_and_the_rerun_agrees(self):
        draw = random.Random(11)
        for output in RECORDS:
            self.run_well(RANKS, *self.command(output, 1))
        for output in reversed(RECORDS):  # the last first, so that what it reads stays as it is
            with self.subTest(output=output):
                self.check(output, draw)


class KilledSwitch(SharedFolderTest):
    """Rank 0 is killed at the moment when a new set of lists or messages takes the place of the older."""

    def fill(self):
        self.run_well(2, "synth", "--users", "300", "--items", "100", "--events", "9000", "--output", "log")
        self.run_well(2, "ingest", "--input", "log/events-*.csv", "--columns", COLUMNS, "--output", "data.h5")
        self.run_well(2, "train", "popular", "--dataset", "data.h5", "--output", "model.h5")
        self.run_well(2, "recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", "5", "--output", "all")

    def command(self, output, version):
        """Another version differs in every file, and has fewer."""
        if output.startswith("lists"):
            return ["recommend", "--dataset", "data.h5", "--model", "model.h5", "--n", 10 * version, "--format", "csv",
                    *(["jsonl"] if version == 1 else []), "--output", output]
        return ["push", "--dataset", "data.h5", "--lists", "all", "--generated", f"2024-05-0{version}", "--batch-size",
                40 + 20 * version, "--output", output]

    def content(self, output):
        """Digests by name; run records hold times."""
        return {os.path.relpath(path, self.path(output)): digest for path, digest in self.digests(output).items()
                if not path.endswith("run.json")}

    def versions(self, output):
        """The first version lies there. @return what both look like"""
        found = []
        for version in (2, 1):
            self.run_well(RANKS, *self.command(output, version))
            found.append(self.content(output))
        same = {name for name, digest in found[0].items() if found[1].get(name) == digest}
        self.assertTrue(all(name.startswith("notes") for name in same), same)
        return found[1], found[0]

    def kill(self, output, **moment):
        ended = self.run_program(RANKS, *self.command(output, 2), environment=faults(**moment))
        self.assertNotEqual(ended.code, DONE, ended.told())
        self.assertNotIn("run record:", ended.err)

    def check_rerun(self, output, expected):
        self.run_well(RANKS, *self.command(output, 2))
        self.assertEqual(self.content(output), expected)
        self.assertEqual(self.record(f"{output}/run.json")["command"], self.command(output, 2)[0])
        self.assert_nothing_partial()

    def test_one_whole_set_at_any_moment(self):
        for output in ("lists", "feed"):
            old, new = self.versions(output)
            record = self.path(f"{output}/run.json").read_text()
            self.kill(output, KILL_BEFORE=1)
            self.assertEqual(self.content(output), old)
            self.assertEqual(self.path(f"{output}/run.json").read_text(), record)
            self.kill(output, KILL_AFTER=1)
            self.assertEqual(self.content(output), new)
            self.assertNotEqual(self.path(f"{output}/run.json").read_text(), record)
            self.check_rerun(output, new)

    def check_one_by_one(self, output, **faults):
        """At any moment the folder has its manifest and is whole, or it has none."""
        old, new = self.versions(output)
        kept = {name: digest for name, digest in old.items() if name.startswith("notes")}
        last = len(new) - len(kept) + 1  # the record is named too
        for moment in range(1, last + 1):
            self.kill(output, KILL_BEFORE=moment, **faults)
            found = self.content(output)
            self.assertNotIn("manifest.json", found)
            self.assertEqual({name: found[name] for name in kept}, kept)
        self.kill(output, KILL_AFTER=last, **faults)
        self.assertEqual(self.content(output), new)
        self.check_rerun(output, new)

    def test_incomplete_without_a_manifest_where_folders_cannot_be_exchanged(self):
        for output in ("lists2", "feed2"):
            self.check_one_by_one(output, NO_EXCHANGE=1)

    def test_files_that_belong_together_are_not_mixed(self):
        """The data set of newcomers has its name, its model has not: the earlier model is refused beside it."""
        self.run_well(2, "train", "als", "--dataset", "data.h5", "--k", "8", "--sweeps", "1", "--output", "als.h5")
        for seed in (2, 3):
            self.run_well(2, "synth", "--users", "400", "--items", "100", "--events", "3000", "--seed", seed, "--output", f"log{seed}")
            self.run_well(2, "ingest", "--input", f"log{seed}/events-*.csv", "--columns", COLUMNS, "--output", f"events{seed}.h5")
        fold_in = ["fold-in", "--dataset", "data.h5", "--model", "als.h5", "--output", "folded", "--newcomers"]
        both = ["--dataset", "folded/data.h5", "--model", "folded/model.h5", "--output", "of-newcomers"]
        self.run_well(2, *fold_in, "events2.h5")
        before = self.content("folded")
        environment = faults(FAIL="rename", FAIL_FROM=2, FAIL_KILLS=1, IO_PATH=f"{self.folder.name}/folded")
        self.assertNotEqual(self.run_program(RANKS, *fold_in, "events3.h5", environment=environment).code, DONE)
        self.assertNotEqual(self.content("folded")["data.h5"], before["data.h5"])
        self.assertEqual(self.content("folded")["model.h5"], before["model.h5"])
        self.run_badly(2, BAD_INPUT, "folded/model.h5: trained on the dataset with digest", "recommend", *both)
        self.run_well(RANKS, *fold_in, "events3.h5")
        self.run_well(2, "recommend", *both)
        self.assert_nothing_partial(self.path("folded"))

    def test_files_of_others_stay(self):
        for output in ("lists3", "feed3"):
            self.write(f"{output}/notes.txt", "do not lose me")
            self.write(f"{output}/notes/part-00000.csv", "nor me")
            self.check_one_by_one(output)


if __name__ == "__main__":
    unittest.main()
