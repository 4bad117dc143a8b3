#!/usr/bin/env python3
"""Reads the run records of scripts/scaling.sh and writes FOLDER/scaling.md, with plots if matplotlib is there.

    scripts/plot_scaling.py FOLDER

Seconds are medians over the repeats. Speed-up is the time of the first layout over that of a layout; for weak scaling it is
that times the workers (ranks x threads), whose data grew as they did. Efficiency is speed-up a worker.
"""

import json
import pathlib
import statistics
import sys

VERBS = ["ingest", "train", "similar", "recommend"]


class Runs:
    """All runs of one verb on one layout."""

    def __init__(self, folder, verb, layout):
        self.folder, self.verb, self.layout = folder, verb, layout
        self.records = [json.loads(path.read_text()) for path in sorted(folder.glob(f"{verb}-{layout}-*.json"))]
        if not self.records:
            raise SystemExit(f"{folder} has no record {verb}-{layout}-*.json: did scripts/scaling.sh end well?")

    def seconds(self):
        return statistics.median(record["seconds"] for record in self.records)

    def phases(self):
        """Median seconds of every phase, the slowest rank's, in the order of the run."""
        names = [phase["name"] for phase in self.records[0]["phases"]]
        return {name: statistics.median(phase["max_seconds"] for record in self.records for phase in record["phases"]
                                        if phase["name"] == name) for name in names}

    def memory(self):
        """Peak bytes of the fullest rank."""
        return max(max(record["peak_memory_bytes_by_rank"]) for record in self.records)

    def exchange(self):
        """Largest and mean bytes received by a rank, planned and counted; nothing where no factors travel."""
        exchange = self.records[0]["results"].get("training", {}).get("exchange")
        if not exchange:
            return None
        planned, counted = exchange["planned_received_bytes_by_rank"], exchange["received_bytes_by_rank"]
        return planned, counted

    def plan(self):
        """What `pushcart plan` said of this verb on this layout; nothing for a verb that it does not plan."""
        phase = {"train": "train als"}.get(self.verb, self.verb)
        path = self.folder / f"plan-{self.layout}.json"
        phases = json.loads(path.read_text())["phases"] if path.exists() else []
        return next((plan for plan in phases if plan["name"] == phase), None)

    def received(self):
        """Bytes received by each rank, as counted; nothing for a verb that does not count them."""
        results = self.records[0]["results"]
        if self.verb == "train":
            return results["training"]["exchange"]["received_bytes_by_rank"]
        return results["recommend"]["scoring"]["received_bytes_by_rank"] if self.verb == "recommend" else None

    def work_seconds(self):
        """Median seconds of the part that the plan has a rate for."""
        names = {"train": ["als: users", "als: items"], "recommend": ["score users"]}.get(self.verb)
        return sum(self.phases()[name] for name in names) if names else self.seconds()

    def work(self):
        """Solving work of the busiest rank over the mean."""
        work = self.records[0]["results"].get("training", {}).get("exchange", {}).get("solving_work_by_rank")
        return max(work) / (sum(work) / len(work)) if work and sum(work) else None


def workers(layout):
    ranks, threads = map(int, layout.split("x"))
    return ranks * threads


def speed_up(mode, layouts, times, layout):
    gain = times[layouts[0]] / times[layout] if times[layout] else 1.0
    return gain * workers(layout) / workers(layouts[0]) if mode == "weak" else gain


def table(header, rows):
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *("| " + " | ".join(row) + " |" for row in rows), ""]


def verb_tables(mode, layouts, verb, runs):
    whole = {layout: runs[verb, layout].seconds() for layout in layouts}
    lines = [f"## {verb}", ""]
    rows = []
    for layout in layouts:
        gain = speed_up(mode, layouts, whole, layout)
        rows.append([layout, f"{whole[layout]:.2f}", f"{gain:.2f}", f"{gain * workers(layouts[0]) / workers(layout):.0%}",
                     f"{runs[verb, layout].memory() / 2**20:.0f} MiB"])
    lines += table(["ranks x threads", "seconds", "speed-up", "efficiency", "peak memory of a rank"], rows)
    phases = {layout: runs[verb, layout].phases() for layout in layouts}
    rows = []
    for name in phases[layouts[0]]:
        times = {layout: phases[layout].get(name, 0.0) for layout in layouts}
        if max(times.values()) >= 0.005:
            rows.append([name, *(f"{times[layout]:.3f} ({speed_up(mode, layouts, times, layout):.2f})" for layout in layouts)])
    return lines + table(["phase: seconds (speed-up)", *layouts], rows)


def counted_tables(layouts, runs):
    rows = []
    for layout in layouts:
        exchange, work = runs["train", layout].exchange(), runs["train", layout].work()
        if exchange:
            planned, counted = exchange
            rows.append([layout, f"{max(planned):,}", f"{max(counted):,}", "yes" if planned == counted else "NO",
                         f"{work:.3f}" if work else ""])
    if not rows:
        return []
    return ["## Counted work and bytes of the training", ""] + table(
        ["ranks x threads", "bytes received by a rank: planned", "counted", "equal on every rank", "solving work: largest / mean"],
        rows)


def plan_tables(layouts, runs):
    rows = []
    for verb in VERBS:
        for layout in layouts:
            run, plan = runs[verb, layout], runs[verb, layout].plan()
            if not plan:
                continue
            peak, received = max(plan["peak_memory_bytes_by_rank"]), run.received()
            bytes_planned = f"{sum(plan['received_bytes_by_rank']):,}"
            rows.append([verb, layout, f"{peak / 2**20:.0f}", f"{run.memory() / 2**20:.0f}", f"{peak / run.memory() - 1:+.0%}",
                         bytes_planned if plan["bytes_are_exact"] else f"about {bytes_planned}",
                         f"{sum(received):,}" if received is not None else "not counted",
                         "" if received is None else "yes" if received == plan["received_bytes_by_rank"] else "NO",
                         f"{plan['seconds']:.2f}", f"{run.work_seconds():.2f}"])
    if not rows:
        return []
    return ["## Plan against measured", "",
            "`pushcart plan` on the data set of each layout; seconds at the rates of the first layout, of the part that the plan has "
            "a rate for (`ingest`: the whole run; `train`: the sweeps; `recommend`: scoring).", ""] + table(
        ["verb", "ranks x threads", "peak of a rank, MiB: planned", "measured", "off by", "bytes received by all: planned", "counted",
         "equal on every rank", "seconds: planned", "measured"], rows)


def plots(folder, mode, layouts, runs):
    try:
        import matplotlib
    except ImportError:
        return ["(No plots: matplotlib is not there, package python3-matplotlib.)", ""]
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(6, 4))
    for verb in VERBS:
        times = {layout: runs[verb, layout].seconds() for layout in layouts}
        axes.plot(range(len(layouts)), [speed_up(mode, layouts, times, layout) for layout in layouts], marker="o", label=verb)
    ideal = [workers(layout) / workers(layouts[0]) for layout in layouts]
    axes.plot(range(len(layouts)), ideal, "k:", label="ideal")
    axes.set_xticks(range(len(layouts)), layouts)
    axes.set(xlabel="ranks x threads", ylabel="speed-up", title=f"{mode} scaling, whole commands")
    axes.legend()
    figure.savefig(folder / "speed-up.png", dpi=120, bbox_inches="tight")
    figure, all_axes = plt.subplots(1, len(VERBS), figsize=(4 * len(VERBS), 4), layout="constrained")
    for axes, verb in zip(all_axes, VERBS):
        bottom = [0.0] * len(layouts)
        phases = [runs[verb, layout].phases() for layout in layouts]
        for name in phases[0]:
            heights = [phase.get(name, 0.0) for phase in phases]
            axes.bar(range(len(layouts)), heights, bottom=bottom, label=name)
            bottom = [below + height for below, height in zip(bottom, heights)]
        axes.set_xticks(range(len(layouts)), layouts)
        axes.set(title=verb, ylabel="seconds")
        axes.legend(fontsize=6)
    figure.savefig(folder / "phases.png", dpi=120, bbox_inches="tight")
    return ["![speed-up](speed-up.png)", "", "![seconds by phase](phases.png)", ""]


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    try:
        settings = json.loads((folder / "scaling.json").read_text())
    except OSError as error:
        raise SystemExit(f"{error.filename}: {error.strerror}: FOLDER is the --output of scripts/scaling.sh")
    layouts, mode = settings["layouts"].split(), settings["mode"]
    runs = {(verb, layout): Runs(folder / "records", verb, layout) for verb in VERBS for layout in layouts}
    first = runs["train", layouts[0]].records[0]
    lines = [f"# {mode.capitalize()} scaling", "",
             f"{settings['users']:,} users, {settings['items']:,} items, {settings['events']:,} log lines"
             f"{' a worker' if mode == 'weak' else ''}; k = {settings['k']}, {settings['sweeps']} sweeps; medians of "
             f"{settings['repeats']} runs; {first['cpu_path']} kernels; hosts: "
             f"{', '.join(sorted({host for run in runs.values() for record in run.records for host in record['hosts']}))}.", ""]
    lines += plots(folder, mode, layouts, runs)
    for verb in VERBS:
        lines += verb_tables(mode, layouts, verb, runs)
    lines += counted_tables(layouts, runs)
    lines += plan_tables(layouts, runs)
    (folder / "scaling.md").write_text("\n".join(lines))
    print(f"{folder / 'scaling.md'}")


if __name__ == "__main__":
    main()
