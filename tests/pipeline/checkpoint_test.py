"""A training that is stopped and taken up again, on any number of ranks and threads, gives the bits of one that never
was. A checkpoint of something else is refused, a damaged one is passed over for the one before."""

import gzip
import os
import re
import shutil
import signal
import time
import unittest

from support import BAD_INPUT, DONE, STOPPED, STORAGE, USAGE, SharedFolderTest, faults

COLUMNS = "user=user,item=item,type=type,time=time"
MODELS = {  # conjugate gradients start from the last solution, exact rows do not; patience keeps a second model
    "gradients": ["--solver", "cg", "--k", "16", "--sweeps", "6"],
    "exact": ["--solver", "exact", "--k", "12", "--sweeps", "5"],
    "patience": ["--k", "100", "--sweeps", "9", "--patience", "3", "--lambda", "1e-5", "--alpha0", "1"],
    "bf16": ["--k", "16", "--sweeps", "5", "--gather-precision", "bf16"],
    "tolerance": ["--k", "8", "--sweeps", "60", "--tolerance", "1e-3"],
}


class Checkpoints(SharedFolderTest):
    def fill(self):
        for seed in (1, 2):
            self.run_well(2, "synth", "--users", "1500", "--items", "400", "--events", "40000", "--seed", seed, "--output",
                          f"log{seed}")
            self.run_well(2, "ingest", "--input", f"log{seed}/events-*.csv", "--columns", COLUMNS, "--output",
                          f"data{seed}.h5")
        for name in MODELS:
            self.run_well(3, *self.command(name, f"whole-{name}.h5"))

    @staticmethod
    def command(name, output, data=1):
        return ["train", "als", "--dataset", f"data{data}.h5", *MODELS[name], "--output", output]

    def digest(self, output):
        return self.run_well(0, "info", output, "--json").json()["digest"]

    def steps(self, output):
        folder = self.path(output.replace(".h5", ".checkpoint"))
        return sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []

    def stop(self, ranks, command, sweeps, *more, **options):
        ended = self.run_program(ranks, *command, "--stop-after-sweeps", sweeps, *more, **options)
        self.assert_refused(ended, STOPPED, ["stopped after sweep", "--stop-after-sweeps"])
        self.assert_nothing_partial()
        return ended

    def start_at_two(self, name, output, sweeps=2):
        """A training stopped on two ranks; its checkpoints are the last two."""
        command = self.command(name, output)
        self.stop(2, command, sweeps, "--checkpoint-every", "1sweep")
        self.assertEqual(self.steps(output), [f"step-{step:06}.h5" for step in range(max(1, sweeps - 1), sweeps + 1)])
        self.assertFalse(self.path(output).exists(), "a stopped training leaves no model")
        return command

    def test_same_bits_on_any_ranks_and_threads(self):
        for name in MODELS:
            saved = self.path(f"saved-{name}")
            self.start_at_two(name, f"{name}.h5")
            shutil.copytree(self.path(f"{name}.checkpoint"), saved)
            whole = self.record(f"whole-{name}.run.json")["results"]["training"]
            for ranks, threads in ((1, 1), (2, 2), (3, 1), (4, 2), (7, 1)):
                with self.subTest(model=name, ranks=ranks):
                    output = f"{name}-{ranks}.h5"
                    shutil.copytree(saved, self.path(f"{name}-{ranks}.checkpoint"))
                    self.run_well(ranks, *self.command(name, output), threads=threads)
                    self.assertEqual(self.digest(output), self.digest(f"whole-{name}.h5"))
                    self.assertEqual(self.steps(output), [], "checkpoints go after success")
                    results = self.record(f"{name}-{ranks}.run.json")["results"]
                    self.assertEqual([part["after_sweep"] for part in results["resumed"]], [2])
                    training = results["training"]
                    self.assertEqual((training["resumed_after"], training["best_sweep"], training["stopped_by"]),
                                     (2, whole["best_sweep"], whole["stopped_by"]))
                    self.assertEqual([sweep["objective"] for sweep in training["sweeps"]],
                                     [sweep["objective"] for sweep in whole["sweeps"]])

    def test_the_best_sweep_before_the_stop_is_kept(self):
        """Stopped in the sweeps in which patience waits, so that the best is not the last."""
        training = self.record("whole-patience.run.json")["results"]["training"]
        self.assertEqual(training["stopped_by"], "validation", "these settings are meant to overfit")
        last = len(training["sweeps"])
        command = self.start_at_two("patience", "best.h5", last - 1)
        self.run_well(3, *command)
        self.assertEqual(self.digest("best.h5"), self.digest("whole-patience.h5"))

    def test_stopped_again_and_again(self):
        command = self.command("gradients", "often.h5")
        for ranks, threads in ((2, 1), (3, 1), (1, 2), (7, 1), (4, 1)):
            self.stop(ranks, command, 1, threads=threads)
        ended = self.run_well(2, *command)
        self.assertIn("going on after sweep 5", ended.err)
        self.assertEqual(self.digest("often.h5"), self.digest("whole-gradients.h5"))

    def wait_for(self, job, text):
        deadline = time.monotonic() + 30
        while text not in os.pread(job.err.fileno(), 1_000_000, 0) and time.monotonic() < deadline:
            time.sleep(0.002)

    def test_signal_stops_between_sweeps(self):
        command = ["train", "als", "--dataset", "data1.h5", "--k", "64", "--sweeps", "300", "--output", "signal.h5"]
        for ranks, to in ((3, "mpirun"), (3, "one rank"), (0, "itself")):
            with self.subTest(ranks=ranks, to=to):
                job = self.start(ranks, *command)
                self.wait_for(job, b"sweep 2: Gram" if to == "mpirun" else b": Gram")
                os.kill(job.ranks()[-1] if to == "one rank" else job.process.pid, signal.SIGUSR1)
                ended = job.wait(20)
                self.assert_refused(ended, STOPPED, ["a signal asked", "run the same command again"])
                self.assertIn("write checkpoint", ended.err, "its cost is in the table")
        self.run_well(2, *command)
        self.assertGreater(self.record("signal.run.json")["results"]["resumed"][0]["after_sweep"], 0)
        self.run_well(2, *command[:-1], "signal-whole.h5")
        self.assertEqual(self.digest("signal.h5"), self.digest("signal-whole.h5"))

    def test_term_stops_one_process_between_sweeps(self):
        command = ["train", "als", "--dataset", "data1.h5", "--k", "64", "--sweeps", "300", "--output", "term.h5"]
        job = self.start(0, *command)
        self.wait_for(job, b"sweep 2: Gram")
        os.kill(job.process.pid, signal.SIGTERM)
        self.assert_refused(job.wait(20), STOPPED, "a signal asked")

    def test_stops_in_time(self):
        command = ["train", "als", "--dataset", "data1.h5", "--k", "64", "--sweeps", "100000"]
        for name, arguments, environment in (("hours", ["--max-hours", 1.5 / 3600], {}),
                                             ("slurm", [], {"SLURM_JOB_END_TIME": str(int(time.time()) + 32)})):
            with self.subTest(by=name):
                ended = self.run_program(2, *command, "--output", f"{name}.h5", *arguments, environment=environment)
                self.assert_refused(ended, STOPPED, "its time is nearly over")
                self.assertLess(ended.seconds, 15)
        self.run_badly(2, USAGE, "--max-hours", *command, "--max-hours", "-1")

    def test_one_sweep_is_done_however_short_the_time(self):
        command = [*self.command("gradients", "short.h5"), "--max-hours", 1e-9]
        for sweep in range(1, 6):
            self.assert_refused(self.run_program(2, *command), STOPPED, f"stopped after sweep {sweep} of 6")
        self.run_well(2, *command)
        self.assertEqual(self.digest("short.h5"), self.digest("whole-gradients.h5"))

    def flip(self, path, position):
        content = bytearray(path.read_bytes())
        content[position % len(content)] ^= 4
        path.write_bytes(content)

    def test_damaged_latest_is_passed_over(self):
        whole = self.digest("whole-gradients.h5")
        command = self.start_at_two("gradients", "damaged.h5", 3)
        folder = self.path("damaged.checkpoint")
        shutil.copytree(folder, self.path("damaged.saved"))
        latest = folder / "step-000003.h5"
        size = latest.stat().st_size
        damages = [lambda at=at: self.flip(latest, at) for at in (0, 100, size // 3, size // 2, size - 40, size - 1)]
        damages += [lambda: latest.write_bytes(b""), lambda: latest.write_bytes(latest.read_bytes()[:size // 2])]
        for number, damage in enumerate(damages):
            with self.subTest(damage=number):
                shutil.rmtree(folder, ignore_errors=True)
                shutil.copytree(self.path("damaged.saved"), folder)
                damage()
                ended = self.run_program(3, *command)
                self.assertEqual(ended.code, DONE, ended.told())
                self.assertIn("cannot be used, the one before it is tried", ended.err)
                self.assertIn("going on after sweep 2", ended.err)
                self.assertEqual(self.digest("damaged.h5"), whole)
        shutil.copytree(self.path("damaged.saved"), folder)
        for file in folder.iterdir():
            self.flip(file, 5000)
        ended = self.run_program(2, *command)
        self.assertIn("no checkpoint is whole; the work begins anew", ended.err)
        self.assertEqual(self.digest("damaged.h5"), whole)
        self.assertEqual(self.steps("damaged.h5"), [])

    def test_another_run_s_checkpoint_is_refused(self):
        command = self.start_at_two("gradients", "other.h5")
        before = self.digests("other.checkpoint")
        self.run_badly(3, BAD_INPUT, ["--k (16 in the checkpoint, 17 now)", "--resume never"], *command, "--k", "17")
        self.run_badly(3, BAD_INPUT, "--seed (1 in the checkpoint, 4 now)", *command, "--seed", "4")
        self.run_badly(3, BAD_INPUT, "--event-weight", *command, "--event-weight", "view=1")
        self.run_badly(2, BAD_INPUT, "data set", *self.command("gradients", "other.h5", data=2))
        self.run_badly(2, BAD_INPUT, "cpu-path", *command, "--cpu-path", "portable")
        self.assertEqual(self.digests("other.checkpoint"), before)
        # What does not bear on the bits may differ.
        self.stop(2, command, 1, "--exchange", "stream", "--checkpoint-every", "off", "--memory-per-rank", "1GiB")
        self.run_well(1, *command, "--exchange", "sparse")
        self.assertEqual(self.digest("other.h5"), self.digest("whole-gradients.h5"))

    def test_resume_never_and_by_path(self):
        command = self.start_at_two("gradients", "path.h5", 3)
        shutil.copytree(self.path("path.checkpoint"), self.path("elsewhere"))
        ended = self.stop(2, command, 1, "--resume", "never")
        self.assertIn("stopped after sweep 1", ended.err)
        self.assertEqual(self.steps("path.h5"), ["step-000001.h5"], "older ones go when a new one is whole")
        ended = self.stop(2, command, 1, "--resume", self.path("elsewhere/step-000002.h5"))
        self.assertIn("stopped after sweep 3", ended.err)
        ended = self.stop(2, command, 1, "--resume", self.path("elsewhere"))
        self.assertIn("stopped after sweep 4", ended.err)
        self.run_well(3, *command)
        self.assertEqual(self.digest("path.h5"), self.digest("whole-gradients.h5"))
        self.assertEqual(len(list(self.path("elsewhere").iterdir())), 2)
        self.run_badly(2, BAD_INPUT, "holds no checkpoint", *command, "--resume", self.folder)
        self.run_badly(2, BAD_INPUT, "'model' file", *command, "--resume", "path.h5")

    def test_files_of_others_stay(self):
        command = [*self.command("gradients", "kept.h5"), "--checkpoint", "mine"]
        self.write("mine/notes.txt", "do not lose me")
        self.stop(2, command, 2)
        self.write("mine/step-000003.h5.partial", "left by a killed run")
        self.run_well(2, *command)
        self.assertEqual([file.name for file in self.path("mine").iterdir()], ["notes.txt"])

    def test_tuning_goes_on_after_its_trials(self):
        self.write("space.toml", "k = [2, 3, 4, 5, 6, 7, 8, 9]\n")
        command = ["tune", "als", "--dataset", "data1.h5", "--space", "space.toml", "--strategy", "grid", "--groups", 2]
        self.run_well(2, *command, "--output", "tuned")
        job = self.start(2, *command, "--output", "tuned-again")
        self.wait_for(job, b"trial 2 of 8")
        os.kill(job.process.pid, signal.SIGUSR1)
        self.assert_refused(job.wait(30), STOPPED, ["trials are in tuned-again/trials.jsonl", "run the same command"])
        self.assertFalse(self.path("tuned-again/best.toml").exists())
        self.assert_refused(self.run_program(2, *command, "--output", "tuned-again", "--max-hours", 1e-9), STOPPED,
                            "its time is nearly over")
        self.run_well(3, *command, "--output", "tuned-again")
        self.assertEqual(self.path("tuned-again/best.toml").read_text(), self.path("tuned/best.toml").read_text())

    def test_the_whole_flow_goes_on_in_both_trainings(self):
        command = ["run", "--ingest.input", "log1/events-*.csv", "--ingest.columns", COLUMNS, "--ingest.hold-out-days", "7",
                   "--train.k", "8", "--train.sweeps", "4", "--no-push"]
        self.run_well(2, *command, "--output", "flow")
        again = [*command, "--output", "flow-again", "--checkpoint-every", "1sweep"]
        for ranks, stops in ((2, "stopped after sweep 2 of 4"), (3, "stopped after sweep 2 of 4")):
            ended = self.run_program(ranks, *again, "--stop-after-sweeps", "2")
            self.assert_refused(ended, STOPPED, stops)
            self.assertFalse(self.path("flow-again/model.h5").exists())
        self.assertEqual(sorted(path.name for path in self.path("flow-again").glob("*.checkpoint")),
                         ["refit.checkpoint", "training.checkpoint"])
        self.run_badly(2, BAD_INPUT, "--k (8 in the checkpoint, 9 now)", *again, "--train.k", "9")
        self.assertEqual(self.run_well(7, *again).err.count("going on after sweep"), 2)
        for output in ("model.h5", "data.h5", "lists/lists.h5"):
            self.assertEqual(self.digest(f"flow-again/{output}"), self.digest(f"flow/{output}"))
        self.assertEqual(list(self.path("flow-again").glob("*.checkpoint")), [])

    def test_verbs_that_keep_nothing_leave_at_once(self):
        job = self.start(3, "synth", "--users", "300000", "--items", "5000", "--events", "6000000", "--output", "large")
        self.wait_for(job, b"ranks x")
        time.sleep(0.2)
        os.kill(job.process.pid, signal.SIGUSR1)
        ended = job.wait(20)
        self.assertEqual(ended.code, STOPPED, ended.told())
        self.assertIn("stopped by SIGUSR1", ended.err)
        self.assertFalse(any(self.path("large").glob("*.csv")))

    def test_intervals(self):
        command = self.command("exact", "interval.h5")
        for text in ("5", "soon", "1.5sweeps", "0m", "-3s"):
            self.run_badly(0, USAGE, "is no interval", *command, f"--checkpoint-every={text}")
        # Writing takes longer than these sweeps: by time it may not take more than a fortieth of it.
        for text, counts in (("1sweep", {4}), ("2sweeps", {2}), ("0.000001s", {1, 2}), ("10m", {0}), ("off", {0})):
            ended = self.run_well(2, *command, "--checkpoint-every", text)
            self.assertIn(ended.err.count("checkpoint after sweep"), counts, ended.told())


class IngestInParts(SharedFolderTest):
    """The reading of a log is stopped and taken up: to the bits of one go, whatever happens between."""

    COMMAND = ["ingest", "--input", "log/events-*.csv*", "--columns", COLUMNS, "--core-users", 2]
    TOLD_LEFT = r"([\d.]+) (\w+) of ([\d.]+) (\w+) of the log are still to be parsed"

    def fill(self):
        self.run_well(0, "synth", "--users", 300, "--items", 100, "--events", 4000, "--files", 4, "--seed", 5, "--output", "log")
        first = sorted(self.path("log").glob("events-*.csv"))[0]
        self.write_gz(f"log/{first.name}.gz", first.read_bytes())
        first.unlink()
        self.run_well(0, *self.COMMAND, "--output", "whole/data.h5")
        self.whole = self.bits("whole")

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.path("kept"), ignore_errors=True)  # that a test that failed has left

    def parts(self, rows, output="parts/data.h5"):
        """A round, and a checkpoint, of so many rows a rank; 0: as in long runs."""
        return [*self.COMMAND, "--output", output, "--checkpoint", "kept", *(["--checkpoint-every", f"{rows}rows"] if rows else [])]

    def in_parts(self, ranks, *more, rows=150, output="parts/data.h5"):
        return self.run_program(ranks, *self.parts(rows, output), *more)

    def bits(self, folder):
        data = self.run_well(0, "info", f"{folder}/data.h5", "--json").json()["digest"]
        return data, gzip.decompress(self.path(f"{folder}/rejects.csv.gz").read_bytes())

    def kept(self):
        return sorted(path.name for path in self.path("kept").iterdir()) if self.path("kept").is_dir() else []

    def assert_whole(self, ended, folder="parts"):
        self.assertEqual(ended.code, DONE, ended.told())
        self.assertEqual(self.bits(folder), self.made.whole)
        self.assertFalse(self.path("kept").exists(), "what is kept goes after success")

    def rows_told(self, *ended):
        """Of all checkpoints that these runs say they wrote."""
        return sum(int(rows) for one in ended for rows in re.findall(r"checkpoint of (\d+) rows", one.err))

    def going_on(self, rows, whole=r"\d", files=4):
        return rf"going on after {rows} rows: {whole} of {files} log files( and parts of [1-{files}] more)?\n"

    def test_stopped_on_other_ranks_each_time(self):
        left, stopped = None, []
        for ranks in (2, 3, 0, 7):
            ended = self.in_parts(ranks, "--max-hours", 1e-9)
            self.assert_refused(ended, STOPPED, ["its time is nearly over", "of the log are still to be parsed"])
            if stopped:
                self.assertRegex(ended.err, self.going_on(self.rows_told(*stopped)))
            else:
                self.assertNotIn("going on after", ended.err)
            stopped.append(ended)
            amount, unit, _, _ = re.search(self.TOLD_LEFT, ended.err).groups()
            now = float(amount) * {"B": 1, "KiB": 1 << 10}[unit]
            self.assertTrue(left is None or now < left, ended.told())
            left = now
        self.assertEqual(self.kept(), [f"00000{number}.h5" for number in (1, 2, 3, 4)])
        damaged = bytearray(self.path("kept/000002.h5").read_bytes())
        damaged[len(damaged) // 2] ^= 8
        self.path("kept/000002.h5").write_bytes(damaged)
        ended = self.in_parts(4, rows=0)
        self.assertIn("kept events are left aside", ended.err)
        self.assert_whole(ended)
        rows = self.rows_told(stopped[0], *stopped[2:])
        self.assertRegex(ended.err, self.going_on(rows))
        self.assertEqual(self.record("parts/data.run.json")["results"]["resumed"][0]["after_rows"], rows)
        self.assertGreater(rows, 300)

    def test_to_the_end_on_any_ranks_and_threads(self):
        stopped = self.assert_refused(self.in_parts(2, "--max-hours", 1e-9, rows=400), STOPPED, "still to be parsed")
        shutil.copytree(self.path("kept"), self.path("kept-before"))
        for ranks, threads in ((0, 2), (2, 1), (3, 1), (4, 1), (7, 1)):
            with self.subTest(ranks=ranks, threads=threads):
                shutil.rmtree(self.path("kept"), ignore_errors=True)
                shutil.copytree(self.path("kept-before"), self.path("kept"))
                ended = self.run_well(ranks, *self.parts(0), threads=threads)
                self.assertRegex(ended.err, self.going_on(self.rows_told(stopped)))
                self.assert_whole(ended)
        shutil.rmtree(self.path("kept-before"))

    def test_stopped_when_all_is_parsed(self):
        ended = self.in_parts(2, "--max-hours", 1e-9, rows=0, output="stopped/data.h5")
        self.assert_refused(ended, STOPPED, "all log files are parsed, and only the data set is left to make")
        self.assertFalse(self.path("stopped/data.h5").exists())
        ended = self.in_parts(0, "--max-hours", 1e-9, rows=0)
        texts = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in self.path("log").glob("events-*")]
        rows = sum(text.count(b"\n") - 1 for text in texts)  # but for the line of names
        self.assertIn(f"going on after {rows} rows: 4 of 4 log files\n", ended.err)
        self.assert_whole(ended)

    def test_a_short_run_writes_none_and_another_interval_does(self):
        for every, least, most in ((None, 0, 0), ("0.000001s", 1, 9), ("200rows", 5, 20)):
            ended = self.run_well(2, *self.COMMAND, "--output", "parts/data.h5", *(["--checkpoint-every", every] if every else []))
            self.assertTrue(least <= ended.err.count("checkpoint of ") <= most, ended.told())
            self.assertEqual(self.bits("parts"), self.made.whole)
            self.assertFalse(self.path("parts/data.checkpoint").exists())
        self.run_badly(2, STOPPED, "parts/data.checkpoint", *self.COMMAND, "--output", "parts/data.h5", "--max-hours", 1e-9,
                       "--checkpoint-every", "off")
        self.assertTrue(self.path("parts/data.checkpoint/000001.h5").is_file(), "off: only when stopped")
        shutil.rmtree(self.path("parts/data.checkpoint"))

    def test_a_long_file_is_left_and_taken_up_in_its_middle(self):
        for compressed in (False, True):
            with self.subTest(compressed=compressed):
                text = b"".join(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes().split(b"\n", 1)[1]
                                for path in sorted(self.path("log").glob("events-*")))
                self.write_gz("one/log.csv", text) if compressed else self.write("one/log.csv", text.decode())
                command = ["ingest", "--input", "one/log.csv", *self.COMMAND[3:], "--output"]
                self.run_well(0, *command, "one/whole/data.h5")
                stopped = []
                for ranks in (3, 0):
                    ended = self.run_program(ranks, *command, "one/parts/data.h5", "--checkpoint-every", "300rows", "--max-hours", 1e-9)
                    stopped.append(self.assert_refused(ended, STOPPED, "still to be parsed"))
                ended = self.run_well(2, *command, "one/parts/data.h5")
                self.assertIn(f"going on after {self.rows_told(*stopped)} rows: 0 of 1 log files and parts of 1 more\n", ended.err)
                self.assertEqual(self.bits("one/parts"), self.bits("one/whole"))
                shutil.rmtree(self.path("one"))

    def test_the_rows_and_bytes_told_are_those_of_the_text(self):
        """One rank reads a file from its begin: what it has parsed is that many lines."""
        lines = sorted(self.path("log").glob("events-*.csv"))[0].read_bytes().splitlines(keepends=True)
        self.write("told/log.csv", b"".join(lines).decode())
        command = ["ingest", "--input", "told/log.csv", *self.COMMAND[3:], "--output", "told/data.h5", "--checkpoint-every", "150rows"]
        done, size = 0, sum(map(len, lines))
        for _ in range(3):
            ended = self.run_program(0, *command, "--max-hours", 1e-9)
            if done > 0:
                self.assertIn(f"going on after {done} rows: 0 of 1 log files and parts of 1 more\n", ended.err)
            before, done = done, done + self.rows_told(ended)
            left, of = (size - sum(map(len, lines[:rows + 1 if rows else 0])) for rows in (done, before))
            self.assertGreater(done, before)
            self.assert_refused(ended, STOPPED, f" {left / 1024:.1f} KiB of {of / 1024:.1f} KiB of the log are still to be parsed, of 1 of 1 log files, what")
        shutil.rmtree(self.path("told"))

    def test_the_log_files_told_are_those_with_lines_left(self):
        """One rank reads them by name: rounds of a file's rows end with it, and of more rows with the file that reaches them."""
        for name in "abcd":
            self.write(f"files/{name}.csv", "user,item,type,time\n" + "".join(f"u{n},{name}{n},view,{1700000000 + n}\n" for n in range(40)))
        command = ["ingest", "--input", "files/*.csv", *self.COMMAND[3:-2], "--output", "files/data.h5", "--max-hours", 1e-9]
        for rows, left, of in ((40, 3, 4), (60, 2, 3), (10, 2, 2)):
            ended = self.run_program(0, *command, "--checkpoint-every", f"{rows}rows")
            self.assert_refused(ended, STOPPED, f"still to be parsed, of {left} of {of} log files, what")
        shutil.rmtree(self.path("files"))

    def test_more_parts_than_files_may_be_open(self):
        job = self.start_and_wait(0, 70, rows=30)
        os.kill(job.process.pid, signal.SIGUSR1)
        self.assertEqual(job.wait(20).code, STOPPED)
        few_files = ["bash", "-c", 'ulimit -n 48; exec "$@"', "bash"]
        for ranks in (0, 3):
            shutil.copytree(self.path("kept"), self.path("kept-before"))
            ended = self.start(ranks, *self.parts(0), before=few_files).wait(60)
            self.assertNotIn("left aside", ended.err)
            self.assertRegex(ended.err, self.going_on(r"\d+"))
            self.assert_whole(ended)
            shutil.move(self.path("kept-before"), self.path("kept"))

    def start_and_wait(self, ranks, parts, rows=12):
        job = self.start(ranks, *self.parts(rows))
        deadline = time.monotonic() + 30
        while len([name for name in self.kept() if name.endswith(".h5")]) < parts and time.monotonic() < deadline:
            time.sleep(0.002)
        return job

    def test_signal_stops_between_rounds(self):
        for ranks, to, number in ((3, "mpirun", signal.SIGUSR1), (2, "one rank", signal.SIGUSR1), (0, "itself", signal.SIGTERM)):
            with self.subTest(ranks=ranks, to=to):
                job = self.start_and_wait(ranks, 2)
                os.kill(job.ranks()[-1] if to == "one rank" else job.process.pid, number)
                ended = job.wait(20)
                self.assert_refused(ended, STOPPED, ["a signal asked", "run the same command again", "still to be parsed"])
                self.assertIn("write checkpoint", ended.err, "its cost is in the table")
                rows = self.rows_told(ended)
                ended = self.in_parts(2, rows=0)
                self.assertRegex(ended.err, self.going_on(rows))
                self.assert_whole(ended)

    def test_killed_after_a_checkpoint(self):
        job = self.start_and_wait(3, 3)
        os.kill(job.ranks()[0], signal.SIGKILL)
        self.assertNotIn(job.wait(20).code, (DONE, STOPPED))
        ended = self.in_parts(2, rows=0)
        self.assertRegex(ended.err, self.going_on(r"\d+"))
        self.assert_whole(ended)

    def test_resume_says_where_from(self):
        rows = self.rows_told(self.assert_refused(self.in_parts(2, "--max-hours", 1e-9), STOPPED, "still to be parsed"))
        shutil.copytree(self.path("kept"), self.path("saved"))
        ended = self.in_parts(3, "--resume", "never", rows=0)
        self.assertNotIn("going on after", ended.err)
        self.assert_whole(ended)
        for saved in ("saved", "saved/000001.h5"):
            ended = self.in_parts(2, "--resume", saved, rows=0)
            self.assertRegex(ended.err, self.going_on(rows))
            self.assert_whole(ended)
            self.assertTrue(self.path("saved/000001.h5").is_file(), "only those of the run's own folder go")
        shutil.rmtree(self.path("saved"))
        self.path("saved").mkdir()
        self.run_badly(2, BAD_INPUT, "saved: holds no checkpoint to go on from", *self.parts(0), "--resume", "saved")
        shutil.rmtree(self.path("saved"))
        self.path("loop").symlink_to("loop")
        for resume in ("n" * 300, "loop", "loop/000001.h5"):
            for ranks in (0, 2):
                ended = self.run_badly(ranks, STORAGE, [resume, "cannot be read", "--resume"], *self.parts(0), "--resume", resume)
                self.assertNotIn("filesystem error", ended.told())
        self.path("loop").unlink()

    def test_what_others_have_in_the_folder_stays(self):
        self.write("kept/7.h5", "of somebody else")
        shutil.copy(self.path("whole/data.h5"), self.path("kept/2024.h5"))
        ended = self.in_parts(0, "--max-hours", 1e-9, "--default-event", "weight=0.25", output="other.h5")
        self.assert_refused(ended, STOPPED, "still to be parsed")
        others = {path.name: path.read_bytes() for path in self.path("kept").iterdir()}
        self.assertEqual(sorted(others), ["002025.h5", "2024.h5", "7.h5"])
        for option, output in (("--output", "kept/1.h5"), ("--output", "parts/../kept/2024.h5"), ("--rejects", "kept/000002.h5")):
            outputs = {"--output": "parts/data.h5", option: output}
            self.run_badly(2, USAGE, [option, "a part in --checkpoint kept may be named so"], *self.COMMAND, "--checkpoint", "kept",
                           *(word for pair in outputs.items() for word in pair))
        ended = self.in_parts(2, output="kept/data.h5")
        self.assertEqual(ended.code, DONE, ended.told())
        self.assertEqual(self.bits("kept"), self.made.whole)
        left = {path.name: path.read_bytes() for path in self.path("kept").iterdir()}
        self.assertEqual({name: left.get(name) for name in others}, others)
        self.assertEqual(sorted(set(left) - set(others)), ["data.h5", "data.run.json", "rejects.csv.gz"])
        shutil.rmtree(self.path("kept"))

    def damage(self, path):
        damaged = bytearray(self.path(path).read_bytes())
        damaged[len(damaged) // 2] ^= 8
        self.path(path).write_bytes(damaged)

    def other_log(self, folder):
        """Of a file whose bytes the log has, and of one that has a line more."""
        files = sorted(self.path("log").glob("events-*.csv"))[:2]
        for file in files:
            self.write(f"{folder}/{file.name}", file.read_text())
        return ["ingest", "--input", f"{folder}/events-*.csv", *self.COMMAND[3:]], self.path(f"{folder}/{files[0].name}")

    def test_what_other_runs_write_or_left_in_the_folder_stays(self):
        for name in ("20240101.h5.partial", "000900.h5.partial", "7.h5.partial"):
            self.write(f"kept/{name}", "another run writes this")
        command, file = self.other_log("other")
        command[2] = file.relative_to(self.path("."))
        file.write_text(file.read_text() + file.read_text().split("\n")[1] + "\n")
        self.run_badly(2, STOPPED, "all log files are parsed", *command, "--output", "other/data.h5", "--checkpoint", "kept",
                       "--max-hours", 1e-9)
        self.damage("kept/000001.h5")
        self.write("kept/000002.h5.partial", "left by a run that was killed, or not")
        others = {name: self.path(f"kept/{name}").read_bytes() for name in self.kept()}
        self.assert_refused(self.in_parts(2, "--max-hours", 1e-9), STOPPED, "still to be parsed")
        self.assertEqual({name: self.path(f"kept/{name}").read_bytes() for name in others}, others)
        self.assertEqual(sorted(set(self.kept()) - set(others)), ["000003.h5"])
        self.assertEqual(self.in_parts(3).code, DONE)
        del others["000002.h5.partial"]  # as old as the run, and where it would have written
        self.assertEqual(self.kept(), sorted(others))
        self.assertEqual({name: self.path(f"kept/{name}").read_bytes() for name in others}, others)
        shutil.rmtree(self.path("other"))

    def test_runs_at_once_take_other_names(self):
        jobs = [self.start(0, *self.parts(0, f"parts/{name}.h5"), "--rejects", f"parts/{name}.csv.gz", "--max-hours", 1e-9,
                           "--resume", "never") for name in ("a", "b", "c")]
        told = "".join(self.assert_refused(job.wait(30), STOPPED, "all log files are parsed").err for job in jobs)
        self.assertEqual(sorted(re.findall(r"checkpoint of \d+ rows: kept/(\S+)", told)), self.kept())
        self.assertEqual(len(self.kept()), 3)

    def test_checkpoints_of_an_earlier_log_go_with_the_outputs_own_folder(self):
        for own in (True, False):
            with self.subTest(own=own):
                command, changed = self.other_log("grown")
                command += ["--output", "grown/data.h5", *([] if own else ["--checkpoint", "kept"])]
                self.run_badly(2, STOPPED, "all log files are parsed", *command, "--max-hours", 1e-9)
                changed.write_text(changed.read_text() + changed.read_text().split("\n")[1] + "\n")
                other = sorted(self.path("grown").glob("events-*.csv"))[1]
                other.write_text(other.read_text() + other.read_text().split("\n")[1] + "\n")
                ended = self.run_well(2, *command)
                self.assertIn("checkpoints there are of 2 log files whose bytes none of this log has; they "
                              + ("go after success" if own else "stay"), ended.err)
                self.assertEqual(self.path("grown/data.checkpoint" if own else "kept").exists(), not own)
                self.assertNotIn("checkpoints there are of", self.run_well(2, *command, "--resume", "never").err)
                shutil.rmtree(self.path("grown"))

    def test_a_part_whose_bytes_are_kept_already_harms_no_other(self):
        shutil.copytree(self.path("log"), self.path("twins/log"))
        files = sorted(self.path("twins/log").glob("events-*.csv*"))
        shutil.copy(files[1], files[-1].with_name("events-9.csv"))
        command = ["ingest", "--input", "twins/log/events-*.csv*", *self.COMMAND[3:]]
        self.run_well(0, *command, "--output", "twins/whole/data.h5")
        command += ["--output", "twins/parts/data.h5", "--checkpoint", "kept"]
        self.run_badly(2, STOPPED, "all log files are parsed", *command, "--max-hours", 1e-9)
        ended = self.run_well(2, *command)
        self.assertRegex(ended.err, r"5 log files \(\d+ bytes\) are as they were when their events were kept, 0 \(0 bytes\)")
        self.assertEqual(self.bits("twins/parts"), self.bits("twins/whole"))
        self.assertFalse(self.path("kept").exists())

    def test_a_damaged_part_ends_no_run(self):
        """Not where HDF5 keeps texts either, which it reads of damaged files until it crashes."""
        self.assert_refused(self.in_parts(0, "--max-hours", 1e-9), STOPPED, "still to be parsed")
        part = self.path("kept/000001.h5")
        whole = part.read_bytes()
        heap = whole.index(b"GCOL")
        for position in (heap, heap + 8, heap + 16, heap + 24, heap + 31, heap + 40, len(whole) // 2):
            self.path("kept").mkdir(exist_ok=True)
            part.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1:])
            self.assertIn("kept events are left aside", self.run_well(0, *self.parts(0)).err)
        self.assertEqual(self.bits("parts"), self.made.whole)
        shutil.rmtree(self.path("kept"), ignore_errors=True)

    def test_options_that_make_no_sense(self):
        command = [*self.COMMAND, "--output", "parts/none.h5"]
        for option, value in (("--max-hours", "-1"), ("--checkpoint-every", "2sweeps"), ("--checkpoint-every", "sometimes"),
                              ("--resume", "nowhere/1.h5"), ("--checkpoint-files", "3")):
            self.run_badly(0, BAD_INPUT if option == "--resume" else USAGE, option, *command, f"{option}={value}")
        self.run_badly(0, USAGE, "--max-hours must be a number", *command, "--checkpoint", "kept", "--max-hours=-1")

    def test_a_stop_says_what_is_not_kept(self):
        shutil.copytree(self.path("log"), self.path("touched"))
        command = self.parts(12)
        command[command.index("log/events-*.csv*")] = "touched/events-*.csv*"
        job = self.start(2, *command)
        deadline = time.monotonic() + 30
        while len([name for name in self.kept() if name.endswith(".h5")]) < 2 and time.monotonic() < deadline:
            time.sleep(0.002)
        for path in self.path("touched").iterdir():
            os.utime(path)
        os.kill(job.process.pid, signal.SIGUSR1)
        ended = job.wait(20)
        self.assertEqual(ended.code, STOPPED, ended.told())
        self.assertRegex(ended.err, r"what is parsed is in kept, but for \d+ rows of log files that have changed meanwhile")
        shutil.rmtree(self.path("touched"))

    def test_memory_for_checkpoints(self):
        """Without memory for the names of all rows they are written at once; without any for a round there are none."""
        self.run_well(0, "synth", "--users", 300, "--items", 100, "--events", 4000, "--files", 1, "--seed", 5, "--output", "memory/log")
        with open(self.path("memory/log/events-00000.csv"), encoding="utf-8") as log:
            lines = log.read().splitlines()
        self.write("memory/named.csv", "\n".join(["label," + lines[0], *(f"{row:0300}," + line for row, line in enumerate(lines[1:]))]))
        command = ["ingest", "--input", "memory/log/events-*.csv", *self.COMMAND[3:], "--output", "memory/data.h5", "--checkpoint",
                   "memory/data.checkpoint", "--memory-per-rank"]
        named = [*command]
        named[2] = "memory/named.csv"
        named[named.index("--columns") + 1] += ",name=label"
        for asking in ([], ["--max-hours", 1]):
            ended = self.run_well(0, *named, "700KiB", *asking)
            self.assertIn("checkpoint of 4000 rows", ended.err)
            ended = self.run_well(0, *command, "600KiB", *asking)
            self.assertNotIn("checkpoint of ", ended.err)
        for asking in ([], ["--checkpoint-every", "off"]):
            ended = self.run_well(0, *command, "500KiB", *asking)
            self.assertIn("no checkpoints of the reading, which cannot be stopped", ended.err)
        for asking in (["--max-hours", 1], ["--checkpoint-every", "10m"]):
            self.run_badly(0, USAGE, "no checkpoints of the reading can be kept", *command, "500KiB", *asking)

    def test_disks_that_fail(self):
        """A write, flush or rename of a checkpoint fails on a rank: the run goes on without, also one that is to stop."""
        for call, first in (("write", 1), ("fsync", 1), ("rename", 1), ("rename", 2)):
            for stop in ([], ["--max-hours", 1e-9]):
                if first > 1 and stop:
                    continue  # it has stopped before
                with self.subTest(call=call, first=first, stop=stop):
                    environment = faults(FAIL=call, FAIL_FROM=first, IO_PATH=f"{self.folder.name}/kept/", IO_RANK=0)
                    ended = self.start(2, *self.parts(150), *stop, environment=environment).wait(60)
                    self.assertIn(f"fault: {call} ", ended.err, ended.told())
                    self.assertEqual(ended.err.count("the events read are not kept"), 1, ended.told())
                    self.assertEqual(ended.err.count("checkpoint of "), first - 1, ended.told())
                    self.assertEqual((ended.code, self.bits("parts")), (DONE, self.made.whole), ended.told())
                    shutil.rmtree(self.path("kept"), ignore_errors=True)

    def test_parts_that_cannot_be_kept(self):
        self.write("kept", "a file in the place of the folder")
        ended = self.in_parts(2)
        self.assertEqual(ended.code, DONE, ended.told())
        self.assertIn("not kept", ended.err)
        self.assertEqual(self.bits("parts"), self.made.whole)
        self.assertTrue(self.path("kept").is_file())
        self.path("kept").unlink()


if __name__ == "__main__":
    unittest.main()
