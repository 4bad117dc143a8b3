"""Reads that come in pieces, input and output errors on one rank, a clock that jumps, a rank that is slow, folders without
permission, a link between hosts that is cut: every verb makes clean progress or comes to a clear end. What the faults do is
in faults.c; docs/faults.md has the whole table."""

import os
import shutil
import signal
import subprocess
import time
import unittest

from support import DONE, PUSHCART, STOPPED, STORAGE, PipelineTest, SharedFolderTest, faults

COLUMNS = "user=user,item=item,type=type,time=time,quantity=quantity,price=price,name=name"
STALLED, MPIRUN_LOST_A_HOST = 6, (1, 205)
DATA_MODEL = ["--dataset", "data.h5", "--model", "model.h5"]
VERBS = {  # what is typed but for the output, and what it leaves
    "ingest": (["ingest", "--input", "log/events-*.csv", "--columns", COLUMNS, "--items", "log/items.csv", "--hold-out-days",
                "7"], "data.h5"),
    "features": (["features", "--dataset", "data.h5", "--input", "log/events-*.csv"], "features.h5"),
    "train": (["train", "als", "--dataset", "data.h5", "--k", "8", "--sweeps", "3", "--checkpoint-every", "1sweep"], "model.h5"),
    "tune": (["tune", "als", "--dataset", "data.h5", "--space", "space.toml", "--strategy", "grid"], "tuned"),
    "evaluate": (["evaluate", *DATA_MODEL, "--replicates", "10"], None),
    "recommend": (["recommend", *DATA_MODEL, "--n", "9", "--format", "csv", "jsonl", "--compression", "gzip"], "lists"),
    "similar": (["similar", *DATA_MODEL, "--n", "5"], "similar"),
    "push": (["push", "--dataset", "data.h5", "--lists", "lists", "--generated", "2024-05-01"], "feed"),
    "report": (["report", *DATA_MODEL, "--lists", "lists"], "report.html"),
    "info": (["info", "data.h5"], None),
    "synth": (["synth", "--users", "60", "--items", "20", "--events", "900"], "made"),
    "run": (["run", "--ingest.input", "log/events-*.csv", "--ingest.columns", COLUMNS, "--ingest.hold-out-days", "7",
             "--train.k", "4", "--train.sweeps", "2", "--push.generated", "2024-05-01"], "all"),
}
TIMED = ("run.json", "trials", "leaderboard", "report.html", "search.svg")  # files that hold seconds or the date


def command(verb, output=None):
    words, usual = VERBS[verb]
    return [*words, "--output", output or usual] if usual else list(words)


def in_turn(jobs):
    """Ends of jobs, two of which run at a time."""
    running, ended = [], []
    for start in jobs:
        running.append(start())
        if len(running) == 2:
            ended.append(running.pop(0).wait(60))
    return ended + [job.wait(60) for job in running]


class Faults(SharedFolderTest):
    """Outputs of a run that nobody disturbed lie in the folder."""

    def fill(self):
        self.write("space.toml", "k = [2, 3]\nsweeps = 1\n")
        self.run_well(2, "synth", "--users", "400", "--items", "120", "--events", "12000", "--files", "2", "--output", "log")
        for verb in VERBS:
            self.run_well(2, *command(verb))

    def outputs(self):
        return self.digests("data.h5", "rejects.csv.gz", "features.h5", "model.h5", "lists", "similar", "feed",
                            "report.html", "tuned", "data.run.json", "features.run.json", "model.run.json", "report.run.json", "made", "all")

    def content(self, output):
        """Digests by name below an output, but for files that hold times."""
        path = self.path(output)
        return {os.path.relpath(file, path): digest for file, digest in self.digests(output).items()
                if not any(timed in os.path.basename(file) for timed in TIMED)}

    def test_short_reads(self):
        """A read may give less than was asked for: what is read is the same."""
        environment = faults(SHORT_READS=3000, IO_PATH=self.folder.name)
        starts = [lambda verb=verb: self.start(2, *command(verb, f"short-{VERBS[verb][1]}"), environment=environment)
                  for verb in VERBS]
        for verb, ended in zip(VERBS, in_turn(starts)):
            with self.subTest(verb=verb):
                self.assertEqual((ended.code, ended.complaints()), (DONE, []), ended.told())
                output = VERBS[verb][1]
                if output:
                    self.assertEqual(self.content(f"short-{output}"), self.content(output))

    def check_failing(self, call, rank, first, path, verbs, words):
        """The call fails on one rank: the job ends with code 4 and a line that says what, and earlier outputs stay."""
        before = self.outputs()
        environment = faults(FAIL=call, FAIL_FROM=first, IO_PATH=f"{self.folder.name}/{path}", IO_RANK=rank)
        starts = [lambda verb=verb: self.start(2, *command(verb), environment=environment) for verb in verbs]
        for verb, ended in zip(verbs, in_turn(starts)):
            with self.subTest(verb=verb, call=call, rank=rank, first=first):
                self.assertIn(f"fault: {call} ", ended.err, "not hit" + ended.told())
                self.assert_refused(ended, STORAGE, words)
        self.assertEqual(self.outputs(), before, "earlier outputs have changed")
        self.assert_nothing_partial()

    def test_reads_that_fail(self):
        everything = [verb for verb in VERBS if verb not in ("ingest", "synth", "run")]
        self.check_failing("read", 1, 1, "data.h5", everything, ["data.h5", "Input/output error"])
        self.check_failing("read", 0, 6, "data.h5", ["train", "push", "info"], ["data.h5", "Input/output error"])
        self.check_failing("read", 1, 1, "log/", ["ingest", "features", "run"], ["log/", "Input/output error"])

    def test_writes_that_fail(self):
        writing = ["ingest", "features", "train", "recommend", "similar", "push", "report", "synth", "run"]
        for rank in (0, 1):
            parallel = [verb for verb in writing if rank == 0 or verb not in ("push", "report")]
            self.check_failing("write", rank, 1, "", parallel, "failed")
        for part in ("model", "report", "feed"):
            self.check_failing("write", 0, 1, f"all/{part}", ["run"], "failed")
        self.check_failing("write", 0, 12, "model", ["train"], "flushing failed")  # when the file is completed
        # While it is closed: then the ranks wait for each other inside HDF5 for ever.
        self.check_failing("write", 1, 4, "model.h5", ["train"], ["not closed on rank 1", "Input/output error"])

    def test_flushes_and_renames_that_fail(self):
        writing = ["ingest", "features", "train", "recommend", "similar", "push", "report", "synth", "run"]
        self.check_failing("fsync", 0, 1, "", ["ingest", "features", "train", "push", "synth", "run"], "flushing")
        self.check_failing("rename", 0, 1, "", writing, "failed")
        self.check_failing("rename", 0, 4, "all", ["run"], "failed")

    def test_a_clock_that_jumps(self):
        """The time of day goes a day forward and back again and again: no stall, no stop, the same bits."""
        for seconds in (86_400, -86_400):
            for verb in ("ingest", "train"):
                with self.subTest(verb=verb, seconds=seconds):
                    output = f"jump-{VERBS[verb][1]}"
                    self.run_well(3, *command(verb, output), "--stall-minutes", "1", "--run-record", "jump.json",
                                  environment=faults(CLOCK_JUMP=seconds))
                    self.assertEqual(self.content(output), self.content(VERBS[verb][1]))

    def test_a_rank_that_is_slow(self):
        """Stopped three quarters of the time, but never for as long as --stall-minutes: the others wait for it."""
        words = ["train", "als", "--dataset", "data.h5", "--k", "16", "--sweeps", "60", "--checkpoint-every", "off"]
        self.run_well(3, *words, "--output", "usual.h5")
        job = self.start(3, *words, "--stall-minutes", "0.05", "--output", "slow.h5")
        pulses = 0
        while job.processes() and pulses < 12:
            ranks = job.ranks()
            if len(ranks) == 3:
                pulses += 1
                for number, pause in ((signal.SIGSTOP, 0.15), (signal.SIGCONT, 0.05)):
                    try:
                        os.kill(max(ranks), number)
                    except ProcessLookupError:
                        break
                    time.sleep(pause)
        ended = job.wait(60)
        self.assertEqual((ended.code, ended.complaints()), (DONE, []), ended.told())
        self.assertGreater(pulses, 2, "it was never slow")
        self.assertEqual(self.digests("slow.h5")[str(self.path("slow.h5"))], self.digests("usual.h5")[str(self.path("usual.h5"))])


class NoPermission(PipelineTest):
    """As a user who may not write where the output is to be, or read what is to be read."""

    def setUp(self):
        super().setUp()
        self.before = []
        if os.geteuid() == 0:
            self.before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            if not shutil.which("setpriv"):
                self.skipTest("root may do everything, and there is no setpriv to become somebody else")
            if subprocess.run([*self.before, "test", "-x", PUSHCART], check=False).returncode:
                self.skipTest("the program lies where nobody but root may go")
        self.folder.chmod(0o755)
        self.write("log.csv", "user,item\n" + "".join(f"u{n % 30},i{n % 7}\n" for n in range(200)))
        self.run_well(0, "ingest", "--input", "log.csv", "--columns", "user=user,item=item", "--output", "kept/data.h5")
        self.path("kept").chmod(0o555)
        self.path("home").mkdir()
        self.path("home").chmod(0o777)

    def refuse(self, words, *arguments):
        for ranks in (0, 2):
            before = self.digests("kept")
            self.run_badly(ranks, STORAGE, words, *arguments, before=self.before,
                           environment={"HOME": str(self.path("home")), "TMPDIR": str(self.path("home"))})
            self.assertEqual(self.digests("kept"), before)

    def test_a_folder_that_may_not_be_written(self):
        data = ["--dataset", "kept/data.h5"]
        self.refuse(["kept/", "Permission denied"], "ingest", "--input", "log.csv", "--columns", "user=user,item=item",
                    "--output", "kept/data.h5")
        self.refuse(["kept/", "Permission denied"], "train", "als", *data, "--k", "2", "--output", "kept/model.h5")
        self.refuse(["kept/", "Permission denied"], "similar", *data, "--metric", "cosine", "--n", "3", "--output", "kept/similar")
        self.refuse(["kept/", "Permission denied"], "synth", "--users", "9", "--items", "9", "--events", "90", "--output",
                    "kept/log")

    def test_a_file_that_may_not_be_read(self):
        self.path("kept/data.h5").chmod(0)
        self.path("log.csv").chmod(0)
        self.addCleanup(self.path("kept").chmod, 0o755)
        words = ["Permission denied"]
        for arguments in (["train", "als", "--dataset", "kept/data.h5", "--output", "home/model.h5"],
                          ["ingest", "--input", "log.csv", "--columns", "user=user,item=item", "--output", "home/data.h5"],
                          ["info", "kept/data.h5"]):
            for ranks in (0, 2):
                self.run_badly(ranks, STORAGE, words, *arguments, before=self.before,
                               environment={"HOME": str(self.path("home")), "TMPDIR": str(self.path("home"))})


class CutLink(PipelineTest):
    """Two hosts, each a network namespace; the link between them is cut while a training runs."""

    HOSTS = 2

    def setUp(self):
        super().setUp()
        self.tag = f"pf{os.getpid() % 100_000}"
        self.subnet = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 200}"
        self.addCleanup(self.take_down)
        for program in ("ip", "nsenter", "unshare"):
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed: no hosts to cut off")
        self.network("link", "add", f"{self.tag}b", "type", "bridge")
        self.network("link", "set", f"{self.tag}b", "up")
        for host in range(1, self.HOSTS + 1):
            space, cable = f"{self.tag}n{host}", f"{self.tag}v{host}"
            self.network("netns", "add", space)
            self.network("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            self.network("link", "set", cable, "master", f"{self.tag}b", "up")
            self.network("-n", space, "addr", "add", f"{self.subnet}.{10 + host}/24", "dev", "eth0")
            self.network("-n", space, "link", "set", "eth0", "up")
            self.network("-n", space, "link", "set", "lo", "up")
        self.write("agent", f'#!/bin/sh\nhost=$1; shift\nexec nsenter --net=/run/netns/{self.tag}n"${{host##*.1}}" '
                            'unshare --uts --mount --propagation private sh -c "hostname host${host##*.1}; '
                            'mount -t tmpfs -o size=1g,mode=1777 tmpfs /dev/shm; $*"\n').chmod(0o755)

    def network(self, *words):
        made = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if made.returncode:
            self.skipTest("no network namespaces can be made here (that needs root): " + made.stderr.strip())

    def take_down(self):
        for host in range(1, self.HOSTS + 1):
            space = f"{self.tag}n{host}"
            pids = subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True, check=False).stdout
            for process in pids.split():
                try:
                    os.kill(int(process), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)
        subprocess.run(["ip", "link", "del", f"{self.tag}b"], capture_output=True, check=False)

    def launch(self, *arguments):
        """One rank on each host, mpirun on the first."""
        hosts = ",".join(f"{self.subnet}.1{host}:1" for host in range(1, self.HOSTS + 1))
        values = {"plm": "rsh", "plm_rsh_agent": self.path("agent"), "orte_keep_fqdn_hostnames": 1, "pml": "ob1",
                  "btl": "self,vader,tcp", "btl_tcp_if_include": "eth0", "oob_tcp_if_include": "eth0",
                  "oob_tcp_keepalive_time": 2, "oob_tcp_keepalive_intvl": 1, "oob_tcp_keepalive_probes": 3}
        return self.start(2, *arguments, before=["nsenter", f"--net=/run/netns/{self.tag}n1"], launch_options=["--host", hosts],
                          environment={f"OMPI_MCA_{name}": str(value) for name, value in values.items()})

    def said(self, job):
        return os.pread(job.err.fileno(), 1 << 20, 0)

    def test_the_job_ends_and_goes_on_where_it_was(self):
        self.run_well(2, "synth", "--users", "3000", "--items", "1000", "--events", "100000", "--output", "log")
        self.run_well(2, "ingest", "--input", "log/events-*.csv", "--columns", "user=user,item=item", "--output", "data.h5")
        words = ["train", "als", "--dataset", "data.h5", "--k", "32", "--sweeps", "100000", "--checkpoint-every", "1sweep",
                 "--stall-minutes", "0.5", "--output", "model.h5"]  # mpirun is to notice first (docs/faults.md)
        job = self.launch(*words)
        deadline = time.monotonic() + 40
        while b"sweep 4:" not in self.said(job) and time.monotonic() < deadline and job.process.poll() is None:
            time.sleep(0.05)
        self.assertIn(b"sweep 4:", self.said(job), "the two hosts do not work together")
        self.network("link", "set", f"{self.tag}v2", "down")
        ended = job.wait(60)
        self.assertIn(ended.code, (STALLED, *MPIRUN_LOST_A_HOST), ended.told())
        self.assertFalse(self.path("model.h5").exists())
        again = self.run_program(3, *words, "--stop-after-sweeps", "1")
        self.assertEqual(again.code, STOPPED, again.told())
        self.assertIn("going on after sweep", again.err)


if __name__ == "__main__":
    unittest.main()
