#!/usr/bin/env python3
"""Kills random ranks at random moments of every verb, hundreds of times, by hand:

    tests/pipeline/kill_soak.py --kills 200 --seed 1 > soak.log

After each kill: the job has ended within a minute and not with 0, the output is the earlier one or, killed at the very end,
the new one, whole; and the same command run again, on another number of ranks, gives the bits of a run never disturbed. A
training goes on from its checkpoints; a night of retrain keeps events and takes those of the night before. A line of the log is a run; those that ended before the kill do not count. The last
one sums up. Environment as in support.py."""

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

from support import Job

COLUMNS = "user=user,item=item,type=type,time=time,quantity=quantity,price=price,name=name"
RANKS = (1, 2, 3, 4, 7)
DATA_MODEL = ["--dataset", "data.h5", "--model", "model.h5"]
VERBS = {  # what is typed, and the files and folders it leaves
    "ingest": (["ingest", "--input", "log/events-*.csv", "--columns", COLUMNS, "--hold-out-days", "7", "--output",
                "data.h5"], "data.h5"),
    "parts": (["ingest", "--input", "log/events-*.csv", "--columns", COLUMNS, "--checkpoint", "kept", "--checkpoint-files", "1", "--output",
               "of-parts.h5"], "of-parts.h5"),
    "features": (["features", "--dataset", "data.h5", "--input", "log/events-*.csv", "--output", "features.h5"],
                 "features.h5"),
    "train": (["train", "als", "--dataset", "data.h5", "--k", "64", "--sweeps", "8", "--checkpoint-every", "1sweep",
               "--output", "model.h5"], "model.h5"),
    "spectral": (["train", "spectral", "--dataset", "data.h5", "--k", "16", "--output", "spectral.h5"], "spectral.h5"),
    "ease": (["train", "ease", "--dataset", "data.h5", "--checkpoint-every", "1sweep", "--output", "ease.h5"], "ease.h5"),
    "tune": (["tune", "als", "--dataset", "data.h5", "--space", "space.toml", "--strategy", "grid", "--output", "tuned"],
             "tuned/best.toml"),
    "evaluate": (["evaluate", *DATA_MODEL, "--run-record", "evaluation.json"], ""),
    "recommend": (["recommend", *DATA_MODEL, "--n", "20", "--format", "csv", "--output", "lists"], "lists"),
    "similar": (["similar", *DATA_MODEL, "--n", "10", "--output", "similar"], "similar"),
    "push": (["push", "--dataset", "data.h5", "--lists", "lists", "--generated", "2024-05-01", "--output", "feed"], "feed"),
    "report": (["report", *DATA_MODEL, "--lists", "lists", "--output", "report.html"], ""),  # holds times
    "synth": (["synth", "--users", "3000", "--items", "800", "--events", "200000", "--output", "made"], "made"),
    "run": (["run", "--output", "all", "--ingest.input", "log/events-*.csv", "--ingest.columns", COLUMNS, "--train.k", "16",
             "--train.sweeps", "3", "--ingest.hold-out-days", "7"], "all/model.h5"),
    "retrain": (["retrain", "--store", "store", "--now", "2026-01-01T00:00:00Z", "--ingest.input", "log/events-*.csv", "--ingest.columns",
                 COLUMNS, "--train.k", "16", "--train.sweeps", "3", "--max-worse", "1", "--min-over-popular", "-1",
                 "--min-new-events", "0", "--max-duplicate-share", "1", "--max-drift", "100", "--checkpoint-every", "1sweep"],
                "store/current/lists/lists.h5"),
}


class Failure(Exception):
    pass


class Soak:
    def __init__(self, folder, seed):
        self.folder, self.draw = folder, random.Random(seed)
        self.seconds, self.wanted, self.counts = {}, {}, collections.Counter()
        self.slowest_end = 0

    def run(self, ranks, command):
        ended = Job(ranks, command, self.folder).wait(120)
        if ended.code != 0:
            raise Failure("a run that nobody disturbed failed" + ended.told())
        return ended

    def content(self, output):
        """Bytes by name of what an output consists of, its run record and leftovers of killed runs apart."""
        path = self.folder / output
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        return {str(file): file.read_bytes() for file in files
                if file.is_file() and file.name != "run.json" and ".partial" not in str(file) and ".jsonl" not in file.name
                or file.is_file() and file.name.startswith("messages")}

    def result(self, verb):
        """What must not depend on kills and ranks: of lists the file for all, since there are as many shards as ranks."""
        output = VERBS[verb][1]
        return self.content(output + "/lists.h5" if output in ("lists", "similar") else output)

    def prepare(self):
        (self.folder / "space.toml").write_text("k = [2, 3, 4, 5]\nsweeps = 2\n")
        self.run(2, ["synth", "--users", "3000", "--items", "800", "--events", "200000", "--files", "3", "--output", "log"])
        self.run(2, [*VERBS["retrain"][0], "--skip-logs", "events-00002.csv"])
        shutil.copytree(self.folder / "store", self.folder / "store-before", symlinks=True)
        for verb, (command, output) in VERBS.items():
            self.seconds[verb] = float(re.search(r"whole run ([\d.]+) s", self.run(2, command).err)[1])
            if output:
                self.wanted[verb] = self.result(verb)
                if not self.wanted[verb]:
                    raise Failure(f"{verb} leaves nothing that can be compared")

    def bring_store_back(self):
        """The store before the night."""
        shutil.rmtree(self.folder / "store")
        shutil.copytree(self.folder / "store-before", self.folder / "store", symlinks=True)

    @staticmethod
    def wait_for_begin(job):
        """Until the ranks work: mpirun itself may hang if one dies while it is being started (docs/faults.md)."""
        deadline = time.monotonic() + 60
        while not re.search(rb"ranks? x", os.pread(job.err.fileno(), 10_000, 0)) and time.monotonic() < deadline:
            time.sleep(0.002)

    def kill_one(self, verb):
        """@return whether the kill hit, what was killed"""
        command, output = VERBS[verb]
        if verb == "retrain":
            self.bring_store_back()
        before = self.content(output) if output else None
        for trials in (self.folder / "tuned").glob("trials*.jsonl"):  # else there is nothing left to try
            trials.unlink()
        ranks = self.draw.choice(RANKS)
        job = Job(ranks, command, self.folder)
        self.wait_for_begin(job)
        moment = self.draw.uniform(0, 1) * self.seconds[verb] * (1 + 0.15 * ranks)
        time.sleep(moment)
        alive = sorted(job.ranks())
        victim = self.draw.choice(alive) if alive else None
        if victim:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                victim = None
        killed = time.monotonic()
        ended = job.wait(60)  # raises if it hangs, or processes are left
        if not victim or ended.code == 0:
            return False, f"{verb} on {ranks} ranks: ended before {moment:.2f} s"
        self.slowest_end = max(self.slowest_end, time.monotonic() - killed)
        if output and self.content(output) != before and self.result(verb) != self.wanted[verb]:
            raise Failure(f"{verb}: neither the earlier output nor the new one" + ended.told())
        if verb == "retrain" and self.result(verb) == self.wanted[verb]:
            return True, f"{verb} on {ranks} ranks, one killed after {moment:.2f} s, when it was published"
        again = self.draw.choice(RANKS)
        resumed = re.search(r"going on after (sweep|step|\d+ of \d+ log files)", self.run(again, command).err)
        if output and self.result(verb) != self.wanted[verb]:
            raise Failure(f"{verb}: killed on {ranks} ranks, run again on {again}: other bits")
        if (self.folder / "kept").exists():
            raise Failure(f"{verb}: events of parts were left behind")
        if verb == "retrain":
            record = json.loads((self.folder / "store/current/run.json").read_text())
            if record["results"]["kept_events"]["files_taken"] < 2:
                raise Failure("retrain: kept events were lost")
        return True, f"{verb} on {ranks} ranks, one killed after {moment:.2f} s; again on {again}" + \
                     (", resumed from a checkpoint" if resumed else "")


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
        resumed = 0
        while sum(soak.counts.values()) < options.kills and time.monotonic() - start < 60 * options.minutes:
            verb = options.verbs[sum(soak.counts.values()) % len(options.verbs)]
            hit, text = soak.kill_one(verb)
            soak.counts[verb] += hit
            resumed += hit and "resumed" in text
            print(f"{sum(soak.counts.values()):4} {text}", flush=True)
        print(f"{sum(soak.counts.values())} kills ({', '.join(f'{verb} {count}' for verb, count in soak.counts.items())}): "
              f"0 hangs, 0 outputs harmed, 0 other bits; {resumed} went on from a checkpoint; the slowest job ended "
              f"{soak.slowest_end:.1f} s after the kill; {time.monotonic() - start:.0f} s in all")
    except (Failure, AssertionError) as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
