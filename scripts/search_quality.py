#!/usr/bin/env python3
"""How good lists for search queries are: a shop's log is cut by time, lists are made for the queries of the later part
from the earlier one, and each later search is looked up in the list of its query for the item that it led to.

    scripts/search_quality.py --pushcart build/release/bin/pushcart --work scratch --users 20000 --items 5000 --events 1000000

The log is `pushcart synth`'s. Queries are taken as they are, and with one letter dropped or two neighbours swapped in
one word of at least four letters. Compared are the program's lists, those of names alone (the same log without its
queries), and the most popular items. What a search led to is the first item that its user views after it.
"""

import argparse
import csv
import glob
import pathlib
import random
import subprocess
import sys

COLUMNS = "user=user,item=item,type=type,time=time,name=name"
EVENTS = ["--event-weight", "view=1", "cart=3", "purchase=5"]


def run(arguments, *command):
    ended = subprocess.run([*arguments.launcher.split(), arguments.pushcart, *command, "--quiet"], stdout=subprocess.DEVNULL,
                           check=False)
    if ended.returncode != 0:
        sys.exit(f"pushcart {' '.join(command)}: exit code {ended.returncode}")


def cut_log(work, last_days, days):
    """Writes the lines before the last days; returns (query, item) of the searches of users in those days. Dirty lines
    that are no lines of this log, or of no day of it, go."""
    rows = []
    for path in sorted(glob.glob(str(work / "shop" / "events-*.csv"))):
        with open(path, encoding="utf-8", errors="replace", newline="") as lines:
            rows += [row for row in csv.reader(lines) if len(row) == 10 and row[3][:4] == "2025"]
    dates = sorted({row[3][:10] for row in rows})[:days]
    cut = dates[-last_days]
    with open(work / "train.csv", "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow("user,item,type,time,quantity,price,dwell,query,category,name".split(","))
        writer.writerows(row for row in rows if row[3][:10] < cut)
    later = sorted((row for row in rows if row[3][:10] >= cut and row[0]), key=lambda row: (row[0], row[3]))
    found, query = [], None
    for row, next_row in zip(later, later[1:] + [[""] * 10]):
        if row[2] == "search" and next_row[0] == row[0] and next_row[2] == "view":
            found.append((row[7], next_row[1]))
    return [pair for pair in found if pair[0]]


def misspelt(query, seed):
    """One letter of one long word dropped, or two neighbours swapped; queries without such a word stay."""
    draw = random.Random(f"{seed} {query}")
    words = query.split(" ")
    long_words = [place for place, word in enumerate(words) if len(word) >= 4]
    if not long_words:
        return query
    place = draw.choice(long_words)
    word = words[place]
    at = draw.randrange(1, len(word) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2:]
    words[place] = word[:at] + word[at + 1:] if draw.random() < 0.5 or swapped == word else swapped
    return " ".join(words)


def lists_for(arguments, dataset, queries, options):
    """Items of each query by rank, and how many places each source has."""
    work = pathlib.Path(arguments.work)
    (work / "queries.txt").write_text("".join(f"{query}\n" for query in sorted(queries)), encoding="utf-8")
    run(arguments, "recommend", "--dataset", str(work / dataset), "--queries", str(work / "queries.txt"), "--n",
        str(arguments.at), *options, "--format", "csv", "--output", str(work / "lists"))
    lists, sources = {}, {}
    for path in sorted(glob.glob(str(work / "lists" / "part-*.csv"))):
        with open(path, encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                lists.setdefault(row["query"], []).append(row["item"])
                sources[row["source"]] = sources.get(row["source"], 0) + 1
    return lists, sources


def measure(pairs, list_of):
    """Recall and mean reciprocal rank of one item a search."""
    hits = ranks = 0
    for query, item in pairs:
        items = list_of(query)
        if item in items:
            hits += 1
            ranks += 1 / (1 + items.index(item))
    return hits / len(pairs), ranks / len(pairs)


def show(spelling, name, found, sources):
    places = ", ".join(f"{source} {100 * count / sum(sources.values()):.0f} %" for source, count in sources.items())
    print(f"{spelling:12} {name:24} all {found[0][0]:.4f} {found[0][1]:.4f} unseen {found[1][0]:.4f} {found[1][1]:.4f}  {places}",
          flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pushcart", default="pushcart")
    parser.add_argument("--launcher", default="", help="such as 'mpirun -n 2'")
    parser.add_argument("--work", default="search-quality")
    parser.add_argument("--users", type=int, default=20000)
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--events", type=int, default=1000000)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--last-days", type=int, default=14)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", type=int, default=20)
    parser.add_argument("--options", action="append", default=[], help="further options of recommend, measured too")
    arguments = parser.parse_args()
    work = pathlib.Path(arguments.work)
    work.mkdir(parents=True, exist_ok=True)
    run(arguments, "synth", "--users", str(arguments.users), "--items", str(arguments.items), "--events",
        str(arguments.events), "--days", str(arguments.days), "--seed", str(arguments.seed), "--output", str(work / "shop"))
    pairs = cut_log(work, arguments.last_days, arguments.days)
    for dataset, columns in (("data.h5", COLUMNS + ",query=query"), ("names.h5", COLUMNS)):
        run(arguments, "ingest", "--input", str(work / "train.csv"), "--columns", columns, "--output", str(work / dataset))
    queries = {query for query, _ in pairs}
    with open(work / "train.csv", encoding="utf-8", newline="") as lines:
        known = {row["query"] for row in csv.DictReader(lines)}
    unseen = [pair for pair in pairs if pair[0] not in known]
    print(f"{len(pairs)} searches of {len(queries)} queries; {len(unseen)} of {len({q for q, _ in unseen})} unseen before")
    popular = lists_for(arguments, "names.h5", {"?"}, [])[0]["?"]
    show("", "popular", [measure(part, lambda query: popular) for part in (pairs, unseen)], {"popular": 1})
    for spelling, written in (("as searched", lambda query: query), ("misspelt", lambda query: misspelt(query, arguments.seed))):
        texts = {written(query) for query in queries}
        settings = [("names alone", "names.h5", []), ("searches", "data.h5", EVENTS)]
        settings += [(text, "data.h5", EVENTS + text.split()) for text in arguments.options]
        for name, dataset, options in settings:
            lists, sources = lists_for(arguments, dataset, texts, options)
            found = [measure(part, lambda query: lists[written(query)]) for part in (pairs, unseen)]
            show(spelling, name, found, sources)


if __name__ == "__main__":
    main()
