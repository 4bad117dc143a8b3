"""The script behind docs/quality.md: its tables say what evaluate says, and what is known is not run again."""

import os
import pathlib
import re
import subprocess
import sys
import unittest

from support import PUSHCART, PipelineTest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "quality.py"
SETTINGS = """
[ingest]
input = ["log.csv"]
format = "csv"
columns = "user=user,item=item,time=time"
hold-out-days = 20

[validation]
hold-out = "last-days"
hold-out-days = 20

[[rows]]
name = "popular"
family = "popular"

[[rows]]
name = "itemknn"
family = "itemknn"
options = { neighbours = 20 }
tune.space = { neighbours = [5, 20] }
tune.options = { strategy = "grid" }

[[rows]]
name = "blend"
family = "blend"
parts = ["popular", "itemknn"]
options = { segments = [10] }
"""
PAGE = "# Quality\n\n<!-- table of small -->\nold\n<!-- end of small -->\n\nThe end.\n"


class Quality(PipelineTest):
    def setUp(self):
        super().setUp()
        self.run_well(0, "synth", "--users", "300", "--items", "120", "--events", "9000", "--files", "1", "--output", "data")
        source, = self.path("data").glob("events-*.csv")
        source.rename(self.path("data/log.csv"))
        self.write("settings/small.toml", SETTINGS)
        self.write("page.md", PAGE)

    def script(self, *options):
        environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        ended = subprocess.run([sys.executable, SCRIPT, "--data", "data", "--work", "work", "--settings", "settings", "--page",
                                "page.md", "--pushcart", PUSHCART, "--threads", "1", *options, "small"], cwd=self.folder,
                               env=environment, capture_output=True, text=True)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        return ended.stdout

    def table(self):
        """Name of a row -> Recall@20, NDCG@20 as printed; nothing if it was not run."""
        page = self.path("page.md").read_text()
        self.assertTrue(page.startswith("# Quality\n") and page.endswith("The end.\n"), "the rest of the page stays")
        found = {}
        for line in page.splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == 6 and re.match(r"[0-9.]+ \[|not run", cells[1]):
                found[cells[0]] = (cells[1].split()[0], cells[2]) if cells[2] else None
        return found

    def test_tables(self):
        self.script("--known")
        self.assertEqual(self.table(), {"popular": None, "itemknn": None, "blend": None})
        out = self.script()
        self.assertEqual(out.count("$ pushcart train"), 5, "three rows, and two parts on less data")
        table = self.table()
        for name in ("popular", "itemknn", "blend"):
            metrics = self.run_well(0, "evaluate", "--dataset", "work/small/data.h5", "--model", f"work/small/{name}.h5", "--at",
                                    "20", "--json").json()
            self.assertEqual(table[name], (f"{metrics['recall@20']['value']:.4f}", f"{metrics['ndcg@20']['value']:.4f}"))
        self.assertNotIn("$ pushcart", self.script().replace("$ pushcart ingest", ""), "all is known")
        self.write("settings/small.toml", SETTINGS.replace("neighbours = 20 }", "neighbours = 10 }"))
        again = self.script()
        self.assertEqual(again.count("train popular"), 0)
        self.assertEqual((again.count("train itemknn"), again.count("train blend")), (2, 1))
        self.write("settings/small.toml", SETTINGS.replace("segments = [10] }", "segments = [10] }\nvalidation = { hold-out-days = 9 }"))
        otherwise = self.script()
        self.assertEqual(otherwise.count("--hold-out=last-days --hold-out-days=9 --output popular.part.h5"), 1)
        self.assertEqual((otherwise.count("train popular"), otherwise.count("train itemknn"), otherwise.count("train blend")), (1, 2, 1),
                         "the blend, its parts on less data, and itemknn with 20 neighbours again")
        self.assertIn("of popular; itemknn, learned by `--hold-out-days=9`\n", self.path("page.md").read_text())

    def test_a_search(self):
        out = self.script("--tune", "small/itemknn")
        self.assertIn("tune itemknn", out)
        self.assertEqual(len(re.findall(r"'neighbours': '(?:5|20)'", out)), 2, out)


if __name__ == "__main__":
    unittest.main()
