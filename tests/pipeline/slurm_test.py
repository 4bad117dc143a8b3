"""The jobs of jobs/ on a real Slurm of three hosts on this machine (tests/cluster/slurm_up.sh), and the same chain without
Slurm. Skipped where network namespaces are not allowed."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from support import MPIEXEC, PUSHCART

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "tests/cluster"
ENDS_WELL = "COMPLETED"


class Slurm(unittest.TestCase):
    """All tests share one cluster and one folder, outside of /tmp, which every host has of its own."""

    @classmethod
    def setUpClass(cls):
        cls.home = pathlib.Path(tempfile.mkdtemp(prefix="pushcart_slurm_", dir="/var/tmp"))
        cls.cluster = cls.home / "cluster"
        up = subprocess.run([CLUSTER / "slurm_up.sh", cls.cluster, "3", "2"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=120)
        if up.returncode == 77:
            shutil.rmtree(cls.home)
            raise unittest.SkipTest(up.stdout.strip().splitlines()[-1])
        if up.returncode != 0:
            raise AssertionError(f"the cluster does not come up:\n{up.stdout}")
        cls.tag = (cls.cluster / "run/tag").read_text().strip()
        shutil.copy(PUSHCART, cls.home / "pushcart")
        shutil.copytree(ROOT / "jobs", cls.home / "jobs")
        shutil.copytree(ROOT / "scripts", cls.home / "scripts")
        cls.environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
        cls.environment.update(PUSHCART=str(cls.home / "pushcart"), OMPI_ALLOW_RUN_AS_ROOT="1",
                               OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", SLURM_CONF=str(cls.cluster / "slurm.conf"))
        try:
            cls.call(PUSHCART, "synth", "--output", "shop", "--users", "3000", "--items", "1200", "--events", "200000", "--seed",
                     "7")
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        subprocess.run([CLUSTER / "slurm_down.sh", cls.cluster], timeout=120)
        shutil.rmtree(cls.home, ignore_errors=True)

    @classmethod
    def call(cls, *command, **environment):
        ended = subprocess.run([str(word) for word in command], cwd=cls.home, env={**cls.environment, **environment},
                               capture_output=True, text=True, timeout=200)
        if ended.returncode != 0:
            raise AssertionError(f"{command} ended with {ended.returncode}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}")
        return ended.stdout

    def submit(self, *options, **environment):
        return self.call("sbatch", "--parsable", *options, **environment).strip()

    def show(self, job):
        fields = self.call("scontrol", "show", "job", job).split()
        return dict(field.split("=", 1) for field in fields if "=" in field)

    def wait_for(self, what, patience, condition):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.2)
        logs = "\n".join(f"--- {log}\n{log.read_text()[-1500:]}" for log in self.home.rglob("*.log") if "cluster" not in log.parts)
        self.fail(f"no {what} after {patience} s\n" + self.call("squeue") + logs)

    def wait_for_end(self, job, patience=120):
        self.wait_for(f"end of job {job}", patience, lambda: self.show(job)["JobState"] not in
                      ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED"))
        return self.show(job)["JobState"]

    def assert_ends_well(self, job):
        state = self.wait_for_end(job)
        logs = sorted(self.home.rglob("*.log"), key=lambda log: log.stat().st_mtime)
        self.assertEqual(state, ENDS_WELL, f"job {job}\n" + "\n".join(f"--- {log}\n{log.read_text()[-1500:]}" for log in logs[-3:]))

    def digest(self, name):
        return json.loads(self.call(PUSHCART, "info", name, "--json"))["digest"]

    def digests(self, run):
        return {name: self.digest(f"{run}/{name}") for name in ("data-train.h5", "data.h5", "model.h5", "lists/lists.h5",
                                                                "similar/lists.h5")}

    def long_training(self, name, sweeps=3000):
        """A run folder with its data, and a configuration with which its training takes a while."""
        run = f"runs/{name}"
        text = (ROOT / "jobs/quickstart.toml").read_text().replace("sweeps = 8", f"sweeps = {sweeps}")
        (self.home / f"{name}.toml").write_text(text)
        environment = {"RUN": run, "CONFIG": f"{name}.toml"}
        (self.home / run).mkdir(parents=True)
        self.call(PUSHCART, "ingest", "--config", f"{name}.toml", "--output", f"{run}/data-train.h5")
        self.call(PUSHCART, "ingest", "--config", f"{name}.toml", "--hold-out-days", "0", "--output", f"{run}/data.h5")
        return run, environment

    def train(self, environment):
        """Submits the training to two hosts and waits until it is at work."""
        log = self.home / environment["RUN"] / "train.log"
        job = self.submit("--nodes=2", f"--output={log}", "jobs/train_als.sbatch", **environment)
        self.wait_for("sweep", 60, lambda: log.exists() and "sweep 3:" in log.read_text())
        return job, log

    def assert_nothing_half(self, run):
        """Files with a final name are whole; temporary ones of a killed process may be left."""
        for file in (self.home / run).glob("*.h5"):
            self.digest(file)
        self.assertFalse((self.home / run / "model.h5").exists())

    def test_nightly_chain_on_two_hosts_is_that_without_slurm(self):
        job = self.submit("jobs/retrain_nightly.sbatch", RUN="runs/night", SUBMIT="--nodes=2")
        self.assert_ends_well(job)
        jobs = [word for word in (self.home / "runs/night/jobs.txt").read_text().split() if word.isdigit()]
        self.assertEqual(len(jobs), 5)
        for job in jobs:
            self.assert_ends_well(job)
        self.assertEqual((self.home / "runs/current").resolve(), (self.home / "runs/night").resolve())
        record = json.loads((self.home / "runs/night/model.run.json").read_text())
        self.assertEqual(record["ranks"], 4)
        self.assertEqual(len(set(record["hosts"])), 2, "not on two hosts")
        found = self.digests("runs/night")
        self.call("jobs/local.sh", RUN="runs/alone", RANKS="3", PATH=f"{pathlib.Path(MPIEXEC).parent}:{os.environ['PATH']}")
        self.assertEqual(self.digests("runs/alone"), found)
        self.assertEqual((self.home / "runs/current").resolve(), (self.home / "runs/alone").resolve())

    def test_a_failed_step_ends_the_chain(self):
        self.call("bash", "-c", "printf 'user,item\\n' > empty.csv")
        (self.home / "broken.toml").write_text('[ingest]\ninput = ["empty.csv"]\ncolumns = { user = "user", item = "item" }\n')
        job = self.submit("jobs/retrain_nightly.sbatch", RUN="runs/broken", CONFIG="broken.toml")
        self.assert_ends_well(job)
        jobs = [word for word in (self.home / "runs/broken/jobs.txt").read_text().split() if word.isdigit()]
        self.assertEqual([self.wait_for_end(job) for job in jobs], ["FAILED"] + 4 * ["CANCELLED"])
        self.assertFalse((self.home / "runs/broken/model.h5").exists())

    def test_a_tuning_array_finds_what_one_job_finds(self):
        (self.home / "space.toml").write_text("k = [4, 8]\nsweeps = 2\nalpha0 = [0.01, 0.1]\n")
        text = (ROOT / "jobs/quickstart.toml").read_text()
        (self.home / "tuned.toml").write_text(text + '\n[tune]\nstrategy = "grid"\n')
        environment = {"RUN": "runs/tuned", "CONFIG": "tuned.toml", "SPACE": "space.toml"}
        ingest = self.submit("jobs/ingest.sbatch", **environment)
        self.assert_ends_well(ingest)
        array = self.submit("jobs/tune_array.sbatch", **environment)
        for task in range(1, 5):
            self.assert_ends_well(f"{array}_{task}")
        best = (self.home / "runs/tuned/tuning/best.toml").read_text()
        self.call(PUSHCART, "tune", "als", "--config", "tuned.toml", "--dataset", "runs/tuned/data-train.h5", "--space",
                  "space.toml", "--output", "tuned-alone")
        self.assertEqual(self.settings(best), self.settings((self.home / "tuned-alone/best.toml").read_text()))

    @staticmethod
    def settings(text):
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    def test_scaling_job_leaves_a_page(self):
        for mode in ("strong", "weak"):
            job = self.submit(f"jobs/scaling_{mode}.sbatch", OUTPUT=mode,
                              SIZE="--users 600 --items 300 --events 10000 --k 8 --sweeps 1 --repeats 1")
            self.assert_ends_well(job)
            self.assertIn("| 2x1 |", (self.home / mode / "scaling.md").read_text())

    def test_retraining_as_one_job(self):
        job = self.submit("--nodes=2", "jobs/retrain_store.sbatch")
        self.assert_ends_well(job)
        self.assertGreater(len(list((self.home / "store/current/lists").glob("part-*.csv"))), 0)
        again = self.submit("jobs/retrain_store.sbatch")  # no new events: held
        self.assertEqual(self.wait_for_end(again), "FAILED")
        self.assertIn("ExitCode=7:0", self.call("scontrol", "show", "job", again))

    def test_the_night_submits_the_next_one(self):
        job = self.submit("jobs/retrain_nightly.sbatch", RUN="runs/first", AGAIN="now+1day")
        self.assert_ends_well(job)
        waiting = [line.split() for line in self.call("squeue", "--noheader", "--format=%i %j %r").splitlines()]
        following = [words[0] for words in waiting if words[1] == "nightly" and words[2] == "BeginTime"]
        self.assertEqual(len(following), 1, waiting)
        self.call("scancel", *following)
        for job in [word for word in (self.home / "runs/first/jobs.txt").read_text().split() if word.isdigit()]:
            self.assert_ends_well(job)

    def test_cancelled_training_leaves_no_half_file(self):
        run, environment = self.long_training("cancelled")
        job, _ = self.train(environment)
        self.call("scancel", job)
        self.assertEqual(self.wait_for_end(job, 30), "CANCELLED")
        self.assert_nothing_half(run)

    def test_stopped_training_is_run_again_and_goes_on(self):
        """What Slurm's --signal sends before the time limit, sent at once."""
        run, environment = self.long_training("stopped", sweeps=600)
        job, log = self.train(environment)
        self.call("scancel", "--batch", "--signal=USR1", job)
        self.wait_for("second start", 60, lambda: self.show(job).get("Restarts") == "1")
        self.assertEqual(self.wait_for_end(job, 120), ENDS_WELL)
        self.assertIn("going on after sweep", log.read_text())
        self.assertEqual(list((self.home / run).glob("*.checkpoint")), [])
        self.call(PUSHCART, "train", "als", "--config", environment["CONFIG"], "--dataset", f"{run}/data.h5", "--output",
                  "stopped.h5")
        self.assertEqual(self.digest(f"{run}/model.h5"), self.digest("stopped.h5"))

    def test_lost_host_is_survived_by_requeue(self):
        run, environment = self.long_training("lost", sweeps=600)
        job, log = self.train(environment)
        lost = self.call("scontrol", "show", "hostnames", self.show(job)["NodeList"]).split()[1]
        subprocess.run(["ip", "link", "set", f"{self.tag}v{lost.removeprefix('node')}", "down"], check=True)
        try:
            self.wait_for("second start", 120, lambda: self.show(job).get("Restarts") == "1" and
                          self.show(job)["JobState"] != "COMPLETING")
            self.assert_ends_well(job)
        finally:
            subprocess.run(["ip", "link", "set", f"{self.tag}v{lost.removeprefix('node')}", "up"], check=True)
        self.assertNotIn(lost, self.call("scontrol", "show", "hostnames", self.show(job)["NodeList"]).split())
        self.call(PUSHCART, "train", "als", "--config", environment["CONFIG"], "--dataset", f"{run}/data.h5", "--output",
                  "alone.h5")
        self.assertEqual(self.digest(f"{run}/model.h5"), self.digest("alone.h5"))


if __name__ == "__main__":
    unittest.main()
