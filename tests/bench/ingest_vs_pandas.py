#!/usr/bin/python3
"""Times pandas and a pushcart command on the same plain CSV log, one after the other, several times.

    ingest_vs_pandas.py [--runs N] EVENTS.csv -- pushcart ingest --input EVENTS.csv ... --output data.h5

pandas does the least that ingest must do: read_csv, factorize of user and item, groupby sum of the pairs; once
with all columns, once with the needed ones only. Each run of pandas is a process of its own, like pushcart's,
but only its work is timed, not its start. Prints one JSON object; seconds are medians. Needs python3-pandas.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

COLUMNS = ["user", "item", "quantity"]


def pandas_seconds(path, usecols):
    import pandas

    start = time.perf_counter()
    log = pandas.read_csv(path, usecols=usecols, on_bad_lines="skip", low_memory=False)
    users, _ = pandas.factorize(log["user"])
    items, _ = pandas.factorize(log["item"])
    pieces = pandas.to_numeric(log["quantity"], errors="coerce").fillna(1.0)
    pairs = pandas.DataFrame({"user": users, "item": items, "strength": pieces})
    pairs.groupby(["user", "item"], sort=False)["strength"].sum()
    return time.perf_counter() - start


def timed_pandas(path, columns):
    command = [sys.executable, __file__, "--only-pandas", columns, path]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def timed_command(command):
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return time.perf_counter() - start


def main():
    own, command = sys.argv[1:], []
    if "--" in own:
        own, command = own[: own.index("--")], own[own.index("--") + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", help="plain CSV with columns user, item and quantity")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, interleaved (default 3)")
    parser.add_argument("--only-pandas", choices=["all", "needed"], help=argparse.SUPPRESS)
    options = parser.parse_args(own)
    if options.only_pandas:
        print(pandas_seconds(options.csv, COLUMNS if options.only_pandas == "needed" else None))
        return
    if not command:
        parser.error("give the pushcart command after --")
    with open(options.csv, "rb") as file:  # also brings the file into memory before the first run
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 24), b""))
    seconds = {"pandas_all_columns": [], "pandas_needed_columns": [], "pushcart": []}
    for _ in range(options.runs):
        seconds["pandas_all_columns"].append(timed_pandas(options.csv, "all"))
        seconds["pandas_needed_columns"].append(timed_pandas(options.csv, "needed"))
        seconds["pushcart"].append(timed_command(command))
    median = {name: statistics.median(values) for name, values in seconds.items()}
    print(json.dumps({
        "file_bytes": os.path.getsize(options.csv),
        "lines": lines,
        "runs": options.runs,
        "command": command,
        "seconds": median,
        "all_runs": seconds,
        "ratio_to_all_columns": median["pandas_all_columns"] / median["pushcart"],
        "ratio_to_needed_columns": median["pandas_needed_columns"] / median["pushcart"],
    }, indent=2))


if __name__ == "__main__":
    main()
