#!/usr/bin/env python3
"""Kills random ranks at random moments of every verb, hundreds of times, by hand:

    tests/pipeline/kill_soak.py --kills 200 --seed 1 > soak.log

After each kill: the job has ended within a minute and not with 0, and told which rank it was; the output is the earlier one or,
killed at the very end, the new one, whole; no other file has changed. The same command run again, on another number of ranks,
gives the bits of a run never disturbed and leaves nothing half written. A training goes on from its checkpoints; a night of
retrain keeps events and takes those of the night before; a rollback goes back once. A line of the log is a run; those that ended
before the kill do not count. The last one sums up. Environment as in support.py."""

import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import tempfile
import time

from kill_verbs import NEW_DATA, PARTS, VERBS
from support import Job

TRIES = 40  # to hit a verb of some milliseconds before another has its turn


class Failure(Exception):
    pass


class Soak:
    def __init__(self, folder, seed):
        self.folder, self.draw = folder, random.Random(seed)
        self.seconds, self.wanted, self.counts = {}, {}, collections.Counter()
        self.slowest_end = 0
        self.missing = set()  # verbs that this build has not

    def run(self, ranks, command):
        ended = Job(ranks, command, self.folder).wait(120)
        if ended.code != 0:
            raise Failure("a run that nobody disturbed failed" + ended.told())
        return ended

    def content(self, output):
        """Bytes by name of what an output consists of, its run record and leftovers of killed runs apart."""
        path = self.folder / output
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        return {str(file): self.timeless(file) for file in files
                if file.is_file() and file.name != "run.json" and ".partial" not in str(file) and ".jsonl" not in file.name
                or file.is_file() and file.name.startswith("messages")}

    @staticmethod
    def timeless(file):
        """Its bytes, but for the times of a report and of a record of results."""
        if file.name == "evaluation.json":
            return json.dumps(json.loads(file.read_text())["results"]).encode()
        if file.suffix == ".html":
            return re.sub(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"TIME", file.read_bytes())
        return file.read_bytes()

    def result(self, verb, ended):
        """What must not depend on kills and ranks: of lists the file for all, since there are as many shards as ranks."""
        output = VERBS[verb].output
        if not output:
            # plan has its own program's memory in its sums
            return self.link("rolled") if verb == "rollback" else re.sub(r" +[\d.]+ MiB|mem=\d+M", "", ended.out)
        return self.content(output + "/lists.h5" if (self.folder / output / "lists.h5").exists() else output)

    def link(self, store):
        return os.readlink(self.folder / store / "current")

    def others(self, verb):
        """What tells a file that was written or changed, by path, of all that the verb must leave alone."""
        found = {}
        for file in self.folder.rglob("*"):
            path = str(file.relative_to(self.folder))
            if file.is_file() and ".partial" not in path and not VERBS[verb].owns(path):
                stat = file.stat()
                found[path] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        return found

    def prepare(self):
        (self.folder / "space.toml").write_text("k = [2, 3, 4, 5]\nsweeps = 2\n")
        shop = ["synth", "--items", "800", "--events", "200000", "--files", "3"]
        self.run(2, [*shop, "--users", "3000", "--output", "log"])
        self.run(2, [*shop, "--users", "3600", "--items", "900", "--seed", "2", "--output", "new-log"])
        self.write_queries()
        self.run(2, [*VERBS["retrain"].command, "--skip-logs", "events-00002.csv"])
        self.copy_store("store", "store-before")
        for verb, asked in VERBS.items():
            if verb == "als":
                for further in (NEW_DATA, *PARTS):
                    self.run(2, further.command)
            if verb == "rollback":
                self.copy_store("store", "nights")
                self.copy_store("store", "rolled")
            if not self.prepare_one(verb, asked):
                self.missing.add(verb)

    def prepare_one(self, verb, asked):
        """@return whether the program has it"""
        ended = Job(min(2, max(asked.ranks)), asked.command, self.folder).wait(120)
        if "without XGBoost" in ended.err or verb == "reranked" and "rerank" in self.missing:
            return False
        if ended.code != 0:
            raise Failure("a run that nobody disturbed failed" + ended.told())
        self.note_seconds(verb, ended)
        self.wanted[verb] = self.result(verb, ended)
        if not self.wanted[verb]:
            raise Failure(f"{verb} leaves nothing that can be compared")
        return True

    def note_seconds(self, verb, ended):
        """The shortest time that it took: where others use the machine, some runs take long."""
        told = re.search(r"whole run ([\d.]+) s", ended.err)
        self.seconds[verb] = min(self.seconds.get(verb, 1e9), float(told[1]) if told else 0)

    def write_queries(self):
        """What was searched in one of the log's files."""
        lines = (self.folder / "log/events-00000.csv").read_text(errors="ignore").splitlines()
        at = lines[0].split(",").index("query")
        queries = {fields[at] for fields in (line.split(",") for line in lines[1:]) if len(fields) > at and fields[at]}
        plain = sorted(query for query in queries if re.fullmatch("[a-z ]+", query))
        (self.folder / "queries.txt").write_text("\n".join(plain) + "\n")

    def copy_store(self, store, to):
        if (self.folder / to).exists():
            shutil.rmtree(self.folder / to)
        shutil.copytree(self.folder / store, self.folder / to, symlinks=True)

    def put_back(self, verb):
        """What a verb changes, as it was before."""
        if verb == "retrain":
            self.copy_store("store-before", "store")
        if verb == "rollback":
            self.copy_store("nights", "rolled")
        for trials in (self.folder / "tuned").glob("trials*.jsonl"):  # else there is nothing left to try
            trials.unlink()

    @staticmethod
    def wait_for_begin(job):
        """Until the ranks work: mpirun itself may hang if one dies while it is being started (docs/faults.md).
        @return the ranks"""
        deadline = time.monotonic() + 60
        ranks = []
        while time.monotonic() < deadline and job.process.poll() is None:
            ranks = ranks or job.ranks()
            if re.search(rb"ranks? x", os.pread(job.err.fileno(), 10_000, 0)):
                break
            time.sleep(0.002)
        return sorted(job.ranks()) or sorted(ranks)

    @staticmethod
    def rank_of(process):
        """What mpirun told it; None: it is gone, or there is no mpirun."""
        try:
            told = re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", pathlib.Path(f"/proc/{process}/environ").read_bytes())
        except OSError:
            return None
        return int(told[1]) if told else None

    def kill(self, verb, ranks, moment):
        """@return how the job ended; None: before that"""
        job = Job(ranks, VERBS[verb].command, self.folder)
        alive = self.wait_for_begin(job)
        if moment > 0.02:
            time.sleep(moment)
            alive = sorted(job.ranks())
        victim = self.draw.choice(alive) if alive else None
        rank = self.rank_of(victim) if victim else None
        if victim:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                victim = None
        killed = time.monotonic()
        ended = job.wait(60)  # raises if it hangs, or processes are left
        if ended.code == 0:
            self.note_seconds(verb, ended)
        if not victim or ended.code == 0:
            return None
        self.slowest_end = max(self.slowest_end, time.monotonic() - killed)
        if not ranks:
            return ended
        named = re.search(r"process rank (\d+) with PID", ended.err)
        if not named or int(named[1]) != rank:
            raise Failure(f"{verb}: the end does not say that rank {rank} was killed" + ended.told())
        return ended

    def check_harm(self, verb, before, others, ended):
        """@return whether it had done its work"""
        output = VERBS[verb].output
        if self.others(verb) != others:
            changed = sorted(set(self.others(verb).items()) ^ set(others.items()))
            raise Failure(f"{verb}: other files have changed: {changed[:4]}" + ended.told())
        if output and self.content(output) != before and self.result(verb, ended) != self.wanted[verb]:
            raise Failure(f"{verb}: neither the earlier output nor the new one" + ended.told())
        if verb == "rollback":
            if self.content("rolled/versions") != before:
                raise Failure("rollback: versions have changed" + ended.told())
            return self.link("rolled") == self.wanted[verb] and not (self.folder / "rolled/rollback.json").exists()
        return verb == "retrain" and self.result(verb, ended) == self.wanted[verb]

    def check_again(self, verb, ended, told):
        """The same command has done it."""
        if self.result(verb, ended) != self.wanted[verb]:
            raise Failure(f"{told}: other bits" + ended.told())
        left = [str(path) for path in self.folder.rglob("*.partial*")] + [str(path) for path in self.folder.glob("kept")]
        if left:
            raise Failure(f"{told}: left behind: {left[:4]}")
        if verb == "rollback":
            history = (self.folder / "rolled/history.jsonl").read_text()
            if history.count('"rolled_back"') != 1:
                raise Failure("rollback: not written down once:\n" + history)
        if verb == "retrain":
            record = json.loads((self.folder / "store/current/run.json").read_text())
            if record["results"]["kept_events"]["files_taken"] < 2:
                raise Failure("retrain: kept events were lost")

    def kill_one(self, verb):
        """@return whether the kill hit, what was killed"""
        self.put_back(verb)
        before = self.content(VERBS[verb].output or "rolled/versions")
        others = self.others(verb)
        ranks, again = (self.draw.choice(VERBS[verb].ranks) for _ in range(2))
        moment = self.draw.uniform(0, 1) * self.seconds[verb] * (1 + 0.15 * ranks)
        ended = self.kill(verb, ranks, moment)
        if not ended:
            return False, f"{verb} on {ranks} ranks: ended before {moment:.2f} s"
        told = f"{verb} on {ranks} ranks, one killed after {moment:.2f} s"
        if self.check_harm(verb, before, others, ended):
            return True, told + ", when it was done"
        told += f"; again on {again}"
        ended = self.run(again, VERBS[verb].command)
        self.note_seconds(verb, ended)
        self.check_again(verb, ended, told)
        return True, told + (", resumed from a checkpoint" if "going on after" in ended.err else "")


def soak_all(soak, options, start):
    resumed = misses = turn = 0
    verbs = [verb for verb in options.verbs if verb not in soak.missing]
    while sum(soak.counts.values()) < options.kills and time.monotonic() - start < 60 * options.minutes:
        verb = verbs[turn % len(verbs)]
        hit, text = soak.kill_one(verb)
        soak.counts[verb] += hit
        misses = 0 if hit else misses + 1
        if hit or misses == TRIES:
            turn, misses = turn + 1, 0
        resumed += hit and "resumed" in text
        print(f"{sum(soak.counts.values()):4} {text}", flush=True)
    print(f"{sum(soak.counts.values())} kills ({', '.join(f'{verb} {count}' for verb, count in soak.counts.items())}): "
          f"0 hangs, 0 ends that name no rank, 0 outputs or other files harmed, 0 other bits; {resumed} went on from a checkpoint; "
          f"the slowest job ended {soak.slowest_end:.1f} s after the kill; {time.monotonic() - start:.0f} s in all")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbs", nargs="*", default=list(VERBS), choices=list(VERBS))
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this long, with what was done")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pushcart_soak_"))
    start = time.monotonic()
    try:
        soak = Soak(folder, options.seed)
        soak.prepare()
        soak_all(soak, options, start)
    except (Failure, AssertionError) as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
