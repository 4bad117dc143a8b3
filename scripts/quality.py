#!/usr/bin/env python3
"""Trains and tests every model family on public data sets, and writes the tables of docs/quality.md.

    scripts/quality.py --data DIR --work DIR                     all data sets
    scripts/quality.py --data DIR --work DIR gowalla ml-1m       some of them
    scripts/quality.py --data DIR --work DIR --known             tables of what was measured so far, nothing is run
    scripts/quality.py --data DIR --work DIR --tune gowalla/als  a search of one row's settings

The settings of every row are in scripts/quality/NAME.toml: chosen on a validation part of the training pairs by --tune,
which never looks at the test pairs. Rows whose settings and data have not changed are not run again, unless --again.
docs/data-flow.md says which files --data holds. Plain Python 3.11.
"""

import argparse
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMES = ["gowalla", "ml-1m", "taobao", "citeulike-a", "online-retail"]


def option_words(options):
    """{"k": 64, "at": [5, 10]} as the words of a command line."""
    words = []
    for key, value in options.items():
        if isinstance(value, list):
            words += [f"--{key}", *map(str, value)]
        else:
            words.append(f"--{key}={str(value).lower() if isinstance(value, bool) else value}")
    return words


class Program:
    """The program, on some ranks and threads."""

    def __init__(self, path, ranks, threads):
        if ranks > 1 and not shutil.which("mpirun"):
            raise SystemExit("mpirun is not there")
        self.launch = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
        self.path, self.ranks, self.threads = str(path), ranks, threads
        self.environment = dict(os.environ, OMP_NUM_THREADS=str(threads))

    def run(self, *words):
        """Runs a verb. @return its results as JSON, seconds of the whole command, peak bytes of its ranks together"""
        record = pathlib.Path(self.folder, "last.run.json")
        command = [*self.launch, self.path, *map(str, words), "--quiet", "--run-record", str(record)]
        print("  $ pushcart", " ".join(map(str, words)), flush=True)
        start = time.monotonic()
        ended = subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True)
        seconds = time.monotonic() - start
        if ended.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\nended with {ended.returncode}: {ended.stderr.strip()}")
        told = json.loads(record.read_text())
        return told["results"], seconds, sum(told["peak_memory_bytes_by_rank"])


class DataSet:
    """One data set: its files, its rows, and a folder for what is made of it."""

    def __init__(self, name, settings, data, work, program):
        self.name = name
        self.settings = tomllib.loads((settings / f"{name}.toml").read_text())
        self.data, self.program = data.resolve(), program
        self.folder = (work / name).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        program.folder = self.folder

    def located(self, options):
        """Options whose file names are below the data folder, or made by split()."""
        def place(name):
            return str(self.folder / name) if "split" in self.settings else str(self.data / name)
        return {key: [place(name) for name in value] if key in ("input", "test") else value
                for key, value in options.items()}

    def split(self):
        """Divides the pairs of a file without a split of its own: a pair is in the test part by the hash of its text."""
        if "split" not in self.settings or (self.folder / "test.tsv").exists():
            return
        rule = self.settings["split"]
        limit = int(rule["test-share"] * 2**64)
        lines = {"train": [], "test": []}
        with gzip.open(self.data / rule["file"], "rt", encoding="utf-8") as file:
            for number, line in enumerate(file):
                if rule["format"] == "libraries":  # a line a user: count, then items
                    pairs = [f"{number}\t{item}" for item in line.split()[1:]]
                else:
                    pairs = ["\t".join(line.split("::")[:2])]
                for pair in pairs:
                    place = int.from_bytes(hashlib.blake2b(pair.encode(), digest_size=8).digest(), "big")
                    lines["test" if place < limit else "train"].append(pair)
        for part, pairs in lines.items():
            (self.folder / f"{part}.tsv").write_text("\n".join(pairs) + "\n")

    def ingest(self):
        self.split()
        words = option_words(self.located(self.settings["ingest"]))
        made = self.folder / "data.h5"
        wanted = json.dumps(words)
        note = self.folder / "ingest.json"
        if not made.exists() or not note.exists() or note.read_text() != wanted:
            self.program.run("ingest", *words, "--output", "data.h5")
            note.write_text(wanted)
        return json.loads(subprocess.run([self.program.path, "info", str(made), "--json"], check=True, capture_output=True,
                                         text=True).stdout)

    def row(self, name):
        for row in self.settings["rows"]:
            if row["name"] == name:
                return row
        raise SystemExit(f"{self.name} has no row '{name}'")

    def options_of(self, row):
        return [row["family"], "--dataset", "data.h5", *option_words(row.get("options", {}))]

    @staticmethod
    def file_of(row, seen="all"):
        return "".join(c if c.isalnum() else "-" for c in row["name"]) + ("" if seen == "all" else ".part") + ".h5"

    def program_of(self, row):
        """Rows may ask for ranks and threads of their own."""
        if "ranks" not in row:
            return self.program
        program = Program(self.program.path, row["ranks"], row.get("threads", 1))
        program.folder = self.folder
        return program

    def validation_of(self, row):
        """What a row's weights are learned on: a blend may say otherwise than the data set."""
        return self.settings["validation"] | row.get("validation", {})

    def train(self, row):
        """Trains a row's model on all training pairs."""
        words = list(self.options_of(row))
        if "parts" in row:
            parts = [self.row(name) for name in row["parts"]]
            words += ["--models", *[self.file_of(part) for part in parts]]
            words += ["--validation-models", *[self.file_of(part, "part") for part in parts]]
        return self.program_of(row).run("train", *words, "--output", self.file_of(row))

    def train_part(self, row, validation, dataset_digest, again):
        """Trains a blend's part without the pairs that the blend learns on, unless that is done. @return seconds it took"""
        program = self.program_of(row)
        described = {"options": self.options_of(row), "dataset": dataset_digest, "ranks": program.ranks,
                     "threads": program.threads, "validation": validation}
        made = self.folder / self.file_of(row, "part")
        note = made.with_suffix(".json")
        if made.exists() and note.exists() and not again:
            known = json.loads(note.read_text())
            if known["described"] == described:
                return known["seconds"]
        seconds = program.run("train", *self.options_of(row), *option_words(validation), "--output", self.file_of(row, "part"))[1]
        note.write_text(json.dumps({"described": described, "seconds": seconds}, indent=1))
        return seconds

    def measure(self, row, dataset_digest, again, only_known=False):
        """Trains and tests a row, unless that is known already. @return None: not known, and nothing is to be run"""
        program = self.program_of(row)
        described = {"options": self.options_of(row), "parts": [self.options_of(self.row(n)) for n in row.get("parts", [])],
                     "dataset": dataset_digest, "ranks": program.ranks, "threads": program.threads,
                     "evaluate": self.settings.get("evaluate", {}), "validation": self.validation_of(row)}
        note = self.folder / (self.file_of(row) + ".row.json")
        if note.exists() and not again:
            known = json.loads(note.read_text())
            if known["described"] == described:
                return known
        if only_known:
            return None
        part_seconds = 0
        for name in row.get("parts", []):
            if not (self.folder / self.file_of(self.row(name))).exists():
                raise SystemExit(f"{self.name}: the row '{name}' must come before '{row['name']}'")
            part_seconds += self.train_part(self.row(name), self.validation_of(row), dataset_digest, again)
        trained, train_seconds, train_bytes = self.train(row)
        metrics, list_seconds, list_bytes = program.run(
            "evaluate", "--dataset", "data.h5", "--model", self.file_of(row), "--at=20",
            *option_words(self.located(self.settings.get("evaluate", {}))))
        measured = {"described": described, "recall": metrics["recall@20"], "ndcg": metrics["ndcg@20"],
                    "part_seconds": part_seconds, "train_seconds": train_seconds, "list_seconds": list_seconds,
                    "peak_bytes": max(train_bytes, list_bytes), "users": metrics["users"],
                    "blend": trained.get("blend")}
        note.write_text(json.dumps(measured, indent=1))
        return measured

    def table(self, again, only_known):
        about = self.ingest()
        lines = ["| family | Recall@20 | NDCG@20 | training | lists and metrics | memory |", "|---|---|---|---|---|---|"]
        total, missing = 0, False
        for row in self.settings["rows"]:
            found = self.measure(row, about["digest"], again, only_known)
            if not found:
                lines.append(f"| {row['name']} | not run yet | | | | |")
                missing = missing or row["family"] != "ease"
                continue
            seconds = f"{found['train_seconds']:.1f} s"
            if found["part_seconds"]:
                seconds += f", and {found['part_seconds']:.1f} s for its parts on less data"
            if row["family"] != "ease":
                total += found["train_seconds"] + found["part_seconds"] + found["list_seconds"]
            interval = f"{found['recall']['value']:.4f} [{found['recall']['low']:.4f}, {found['recall']['high']:.4f}]"
            lines.append(f"| {row['name']} | {interval} | {found['ndcg']['value']:.4f} | {seconds} | "
                         f"{found['list_seconds']:.1f} s | {found['peak_bytes'] / 2**20:.0f} MiB |")
        if not missing:
            lines += ["", f"All rows but `ease`, training, lists and metrics together: {total / 60:.1f} minutes."]
        lines += ["", "Settings:", ""]
        for row in self.settings["rows"]:
            words = " ".join([row["family"], *option_words(row.get("options", {}))])
            parts = f" of {'; '.join(row['parts'])}" if "parts" in row else ""
            learned = f", learned by `{' '.join(option_words(row['validation']))}`" if "validation" in row else ""
            lines.append(f"- {row['name']}: `{words}`{parts}{learned}")
        return "\n".join(lines)

    def tune(self, row):
        """Searches a row's settings on a validation part of the training pairs."""
        self.ingest()
        search = row["tune"]
        name = self.file_of(row).removesuffix(".h5")
        (self.folder / f"{name}.space.toml").write_text(
            "\n".join(f"{key} = {toml_text(value)}" for key, value in (row.get("options", {}) | search["space"]).items()) + "\n")
        found, seconds, _ = self.program.run(
            "tune", row["family"], "--dataset", "data.h5", "--space", f"{name}.space.toml", "--output", f"{name}.tuning",
            *option_words(self.validation_of(row)), *option_words(search.get("options", {})))
        for trial in found["tuning"]["finalists"][:8]:
            print(f"    {trial['metric']}  {trial['seconds']:.1f} s  {trial['settings']}")
        print(f"    {seconds:.0f} s")


def toml_text(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_text(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    return json.dumps(value)


def put_table(page, name, text):
    """Puts a table between the marks of its data set."""
    begin, end = f"<!-- table of {name} -->\n", f"<!-- end of {name} -->"
    old = page.read_text()
    if begin not in old or end not in old:
        raise SystemExit(f"{page} has no place for the table of {name}")
    page.write_text(old.split(begin)[0] + begin + text + "\n" + end + old.split(end)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder of the data sets")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="folder for data sets, models and results")
    parser.add_argument("--pushcart", type=pathlib.Path, default=ROOT / "build/release/bin/pushcart", help="the program")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of a rank")
    parser.add_argument("--settings", type=pathlib.Path, default=ROOT / "scripts/quality", help="folder with NAME.toml")
    parser.add_argument("--page", type=pathlib.Path, default=ROOT / "docs/quality.md", help="page to put the tables into")
    parser.add_argument("--again", action="store_true", help="run rows again whose results are known")
    parser.add_argument("--known", action="store_true", help="run nothing: tables of the rows whose results are known")
    parser.add_argument("--tune", metavar="NAME/ROW", help="search the settings of one row instead")
    given = parser.parse_args()
    if not given.pushcart.exists():
        raise SystemExit(f"{given.pushcart} is not there: build it, or say --pushcart")
    program = Program(given.pushcart.resolve(), given.ranks, given.threads)
    if given.tune:
        name, row = given.tune.split("/", 1)
        data_set = DataSet(name, given.settings, given.data, given.work, program)
        data_set.tune(data_set.row(row))
        return
    for name in given.names:
        print(name, flush=True)
        put_table(given.page, name, DataSet(name, given.settings, given.data, given.work, program).table(given.again, given.known))


if __name__ == "__main__":
    main()
