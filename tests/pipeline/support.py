"""Runs the program on some ranks and checks how it ended. Plain Python 3.

Environment: PUSHCART (the program), MPIEXEC (mpirun), PUSHCART_TEST_FAULTS (the library of faults.c, may be
unset), PUSHCART_REAL_DATA (folder of real data sets, may be unset).
"""

import csv
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import uuid


def program(variable, name):
    found = shutil.which(os.environ.get(variable, name))
    if not found:
        raise SystemExit(f"{variable} names no program: set it to the path of {name}")
    return os.path.abspath(found)


PUSHCART = program("PUSHCART", "pushcart")
MPIEXEC = program("MPIEXEC", "mpirun")

# Exit codes of the program.
DONE, USAGE, BAD_INPUT, STORAGE, NUMERICAL, STOPPED = 0, 2, 3, 4, 5, 75

TRACES = ("terminate called", "Segmentation fault", "Process received signal", "Assertion", "Backtrace", "HDF5-DIAG")


class Ended:
    """How a run ended: exit code, stdout, stderr, seconds, and the peak memory of its largest process in bytes."""

    def __init__(self, command, code, out, err, seconds, peak_bytes):
        self.command, self.code, self.out, self.err = command, code, out, err
        self.seconds, self.peak_bytes = seconds, peak_bytes

    def json(self):
        return json.loads(self.out)

    def complaints(self):
        """What the program said was wrong, a line each."""
        return [line for line in self.err.splitlines() if line.startswith("pushcart: ")]

    def told(self):
        return f"\n$ {' '.join(self.command)}\nexit code {self.code} after {self.seconds:.1f} s\n" \
               f"--- stdout\n{self.out[-1500:]}\n--- stderr\n{self.err[-3000:]}"


def parts_planned(log, step):
    """Bytes by part, as the step says before it works."""
    units = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
    text = re.findall(rf"memory planned per rank for {step}: [^(]*\((.*)\)", log)[-1]
    found = re.findall(r"(?:^|, )(.+?) (\d+(?:\.\d+)?) (B|KiB|MiB|GiB)(?=,|$)", text)
    return {name: float(number) * units[unit] for name, number, unit in found}


class Job:
    """The program running on `ranks` ranks (0: without mpirun), its output kept in files; `before` is typed before
    all, `launch_options` behind mpirun."""

    def __init__(self, ranks, arguments, folder, threads=1, environment=None, before=(), launch_options=()):
        self.token = uuid.uuid4().hex
        launch = [MPIEXEC, *launch_options, "-n", str(ranks)] if ranks else []
        self.command = [*before, *launch, PUSHCART] + [str(argument) for argument in arguments]
        values = dict(os.environ, OMP_NUM_THREADS=str(threads), OMPI_ALLOW_RUN_AS_ROOT="1",
                      OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_rmaps_base_oversubscribe="1",
                      OMPI_MCA_hwloc_base_binding_policy="none", OMPI_MCA_btl_vader_single_copy_mechanism="none",
                      # mpirun need not give ranks that are leaving anyway a second to do so
                      OMPI_MCA_odls_base_sigkill_timeout="0", PUSHCART_TEST_TOKEN=self.token)
        values.update(environment or {})
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command, cwd=folder, env=values, stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=self.err, start_new_session=True)

    def processes(self):
        """Ids of the processes of this job that are alive, mpirun too."""
        found, mark = [], f"PUSHCART_TEST_TOKEN={self.token}".encode()
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                environment = pathlib.Path("/proc", entry, "environ").read_bytes()
                state = pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            # A process that has just begun may not show its environment yet.
            if (mark in environment or int(entry) == self.process.pid) and state != "Z":
                found.append(int(entry))
        return found

    def ranks(self):
        """Ids of the processes that are ranks and run the program: mpirun's children are copies of it for a moment."""
        return [process for process in self.processes() if self._runs_the_program(process)]

    @staticmethod
    def _runs_the_program(process):
        try:
            return os.readlink(f"/proc/{process}/exe") == os.path.realpath(PUSHCART)
        except OSError:
            return False

    def kill_all(self):
        for process in self.processes():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def wait(self, timeout):
        """Waits for the end; a run that takes longer is killed and fails the test."""
        deadline = time.monotonic() + timeout
        while True:
            process, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if process:
                break
            if time.monotonic() > deadline:
                self.kill_all()
                os.wait4(self.process.pid, 0)
                self.process.returncode = -signal.SIGKILL
                raise AssertionError(f"hangs: not ended after {timeout} s" + self._ended(None, 0).told())
            time.sleep(0.01)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        patience = time.monotonic() + 10  # mpirun may leave a moment before its last rank
        while self.processes():
            if time.monotonic() > patience:
                left = self.processes()
                self.kill_all()
                raise AssertionError(f"processes {left} are left over" + self._ended(None, 0).told())
            time.sleep(0.05)
        return self._ended(self.process.returncode, usage.ru_maxrss * 1024)

    def _ended(self, code, peak_bytes):
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.close()
        return Ended(self.command, code, *texts, time.monotonic() - self.started, peak_bytes)


class PipelineTest(unittest.TestCase):
    """A test with a folder of its own, in which the program runs."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pushcart_test_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return self.folder / name

    def rows_of(self, pattern):
        """Rows of CSV files by their header, in the order of their names."""
        rows = []
        for path in sorted(self.folder.glob(pattern)):
            with open(path, encoding="utf-8", newline="") as file:
                rows += list(csv.DictReader(file))
        return rows

    def write(self, name, content):
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def write_gz(self, name, content):
        return self.write(name, gzip.compress(content if isinstance(content, bytes) else content.encode(), 6, mtime=0))

    def start(self, ranks, *arguments, **options):
        return Job(ranks, arguments, self.folder, **options)

    def run_program(self, ranks, *arguments, timeout=60, **options):
        return self.start(ranks, *arguments, **options).wait(timeout)

    def run_well(self, ranks, *arguments, **options):
        """Runs and expects success."""
        ended = self.run_program(ranks, *arguments, **options)
        self.assertEqual(ended.code, DONE, ended.told())
        self.assertEqual(ended.complaints(), [], ended.told())
        return ended

    def run_badly(self, ranks, code, words, *arguments, **options):
        """Runs and expects this exit code and exactly one line of complaint that has all the words in it."""
        return self.assert_refused(self.run_program(ranks, *arguments, **options), code, words)

    def assert_refused(self, ended, code, words):
        self.assertEqual(ended.code, code, ended.told())
        complaints = ended.complaints()
        self.assertEqual(len(complaints), 1, "one clear line is wanted" + ended.told())
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, complaints[0], ended.told())
        for trace in TRACES:
            self.assertNotIn(trace, ended.err, ended.told())
        self.assertEqual(ended.out.strip(), "", "results of a failed run" + ended.told())
        return ended

    def assert_nothing_partial(self, folder=None):
        left = [str(path) for path in pathlib.Path(folder or self.folder).rglob("*.partial*")]
        self.assertEqual(left, [], "temporary files are left")

    def digests(self, *names):
        """Digest of every file below these files and folders, by path."""
        found = {}
        for name in names:
            path = self.path(name)
            files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
            for file in files:
                found[str(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
        return found

    def record(self, name):
        return json.loads(self.path(name).read_text())


class SharedFolderTest(PipelineTest):
    """Tests that all run in one folder, in which fill() has put what they need."""

    @classmethod
    def setUpClass(cls):
        cls.made = cls("fill")
        PipelineTest.setUp(cls.made)
        try:
            cls.made.fill()
        except BaseException:
            cls.made.doCleanups()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.made.doCleanups()

    def fill(self):
        raise NotImplementedError

    def setUp(self):
        self.folder = self.made.folder


def faults(**settings):
    """Environment in which the program meets these faults (faults.c)."""
    library = os.environ.get("PUSHCART_TEST_FAULTS")
    if not library:
        raise unittest.SkipTest("PUSHCART_TEST_FAULTS is not set: no faults to test with")
    return {"LD_PRELOAD": library, **{f"PUSHCART_TEST_{name}": str(value) for name, value in settings.items()}}


def lists_of(folder):
    """The lists of CSV shards: by user, rows of (rank, item, name, score, source)."""
    lists = {}
    for shard in sorted(pathlib.Path(folder).glob("part-*.csv")):
        with open(shard, newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = next(rows)
            assert header == ["user", "rank", "item", "name", "score", "source"], header
            for user, rank, item, name, score, source in rows:
                lists.setdefault(user, []).append((int(rank), item, name, float(score), source))
    return lists


def real_data(name):
    """A data set's folder below the folder of real data sets; skips the test if it is not there."""
    root = os.environ.get("PUSHCART_REAL_DATA")
    if not root:
        raise unittest.SkipTest("PUSHCART_REAL_DATA is not set: no real data to test with")
    path = pathlib.Path(root, name)
    if not path.is_dir():
        raise unittest.SkipTest(f"{path} is not there: no real data to test with")
    return path
