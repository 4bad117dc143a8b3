"""What kill_soak.py runs and kills: every verb, and every family of train."""

import dataclasses

COLUMNS = "user=user,item=item,type=type,time=time,quantity=quantity,price=price,name=name,query=query"
LOG, NEW_LOG = "log/events-*.csv", "new-log/events-*.csv"


@dataclasses.dataclass(frozen=True)
class Verb:
    """A command line; what it leaves, which must not depend on ranks and kills ("": what it prints); what else it may change."""
    command: list
    output: str = ""
    may_change: tuple = ()
    ranks: tuple = (1, 2, 3, 4, 7)  # on which it runs; 0: without mpirun

    def owns(self, path):
        """Whether it may change the file: outputs, and what lies beside them, such as run record and checkpoints."""
        stems = [self.output.rsplit(".", 1)[0].split("/")[0]] if self.output else []
        return any(path == name or path.startswith((name + "/", name + ".")) for name in (*stems, *self.may_change))


def ingest(output, *options, log=LOG):
    return Verb(["ingest", "--input", log, "--columns", COLUMNS, *options, "--output", output], output, ("rejects.csv.gz", "kept"))


def train(family, *options, output="", every="1sweep"):
    output = output or f"{family}.h5"
    return Verb(["train", family, "--dataset", "data.h5", *options, *(["--checkpoint-every", every] if every else []), "--output",
                 output], output)


def lists(verb, output, *options):
    return Verb([verb, "--dataset", "data.h5", *options, "--checkpoint-every", "400rows", "--output", output], output)


def of_shop(verb, *options, output, may_change=()):
    """The whole flow, or a night."""
    settings = ["--ingest.input", LOG, "--ingest.columns", COLUMNS, "--train.k", "16", "--train.sweeps", "3"]
    return Verb([verb, *settings, *options], output, may_change)


def fold_in(output, *newcomers):
    return Verb(["fold-in", "--dataset", "data.h5", "--model", "model.h5", *newcomers, "--output", output], output)


MODEL = ["--model", "model.h5"]
PART = ["--hold-out", "random"]  # of the models that a blend and a re-ranker learn by
VERBS = {  # in the order in which they are first run: later ones read what earlier ones leave
    "ingest": ingest("data.h5", "--items", "log/items.csv", "--hold-out-days", "7"),
    "parts": ingest("of-parts.h5", "--checkpoint", "kept", "--checkpoint-every", "20000rows"),
    "features": Verb(["features", "--dataset", "data.h5", "--input", LOG, "--output", "features.h5"], "features.h5"),
    "als": train("als", "--k", "64", "--sweeps", "8", output="model.h5"),
    "popular": train("popular", every=""),
    "itemknn": train("itemknn", "--neighbours", "30", every="100rows"),
    "rp3beta": train("rp3beta", "--neighbours", "30", every="100rows"),
    "sessions": train("sessions", "--neighbours", "30", every="100rows"),
    "userknn": train("userknn", "--neighbours", "30", every="400rows"),
    "spectral": train("spectral", "--k", "16"),
    "ease": train("ease"),
    "content": train("content", "--tags", "category", "--words", "name", "--k", "8"),
    "blend": train("blend", "--models", "popular.h5", "model.h5", "itemknn.h5", "--validation-models", "part-popular.h5",
                   "part-als.h5", "part-itemknn.h5", "--segments", "20"),
    "rerank": train("rerank", "--model", "part-als.h5", "part-itemknn.h5", "--rerank-candidates", "40", "--trees", "20"),
    "tune": Verb(["tune", "als", "--dataset", "data.h5", "--space", "space.toml", "--strategy", "grid", "--output", "tuned"],
                 "tuned/best.toml"),
    "evaluate": Verb(["evaluate", "--dataset", "data.h5", *MODEL, "--run-record", "evaluation.json"], "evaluation.json"),
    "recommend": lists("recommend", "lists", *MODEL, "--n", "20", "--format", "csv"),
    "reranked": lists("recommend", "reranked", *MODEL, "itemknn.h5", "--rerank", "rerank.h5", "--n", "20"),
    "queries": Verb(["recommend", "--dataset", "data.h5", "--queries", "queries.txt", "--n", "20", "--output", "found"], "found"),
    "similar": lists("similar", "similar", *MODEL, "--n", "10"),
    "together": lists("similar", "together", "--metric", "cosine", "--bought-together", "--n", "10"),
    "newcomers": fold_in("newcomers", "--newcomers", "new-data.h5"),
    "new-items": fold_in("grown", "--new-items", "new-data.h5"),
    "push": Verb(["push", "--dataset", "data.h5", "--lists", "lists", "--generated", "2024-05-01", "--output", "feed"], "feed"),
    "report": Verb(["report", "--dataset", "data.h5", *MODEL, "--lists", "lists", "--output", "report.html"], "report.html"),
    "run": of_shop("run", "--output", "all", "--ingest.hold-out-days", "7", output="all/model.h5"),
    "retrain": of_shop("retrain", "--store", "store", "--now", "2026-01-01T00:00:00Z", "--max-worse", "1", "--min-over-popular", "-1",
                       "--min-new-events", "0", "--max-duplicate-share", "1", "--max-drift", "100", "--checkpoint-every", "1sweep",
                       output="store/current/lists/lists.h5"),
    "rollback": Verb(["rollback", "--store", "rolled"], may_change=("rolled",)),
    "history": Verb(["history", "--store", "nights"]),
    "plan": Verb(["plan", "--data", "data.h5", "--family", "als", "--k", "64", "--ranks", "4"], ranks=(0,)),
    "info": Verb(["info", "data.h5", "--json"]),
    "synth": Verb(["synth", "--users", "3000", "--items", "800", "--events", "200000", "--output", "made"], "made"),
}
PARTS = [train(family, *options, *PART, output=f"part-{family}.h5", every="") for family, options in (
    ("popular", []), ("als", ["--k", "16", "--sweeps", "3"]), ("itemknn", ["--neighbours", "30"]))]
NEW_DATA = ingest("new-data.h5", log=NEW_LOG)
