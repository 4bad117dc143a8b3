"""Input and output errors while a store is worked on: a night, a rollback or the history comes to a clear end, and what is
in service, its versions and its history stay as they were. What the faults do is in faults.c."""

import json
import os
import re
import shutil
import signal
import subprocess
import unittest

from retrain_test import HELD, Shop, time_of
from support import DONE, STORAGE, faults

RETRAIN = ["retrain", "--config", "shop.toml", "--now", time_of(12)]
ROLLBACK = ["rollback", "--store", "store"]
HISTORY = ["history", "--store", "store", "--plot", "store/nights.svg"]


class StoreFaults(Shop):
    def setUp(self):
        super().setUp()
        for day in (10, 11):
            self.bring(1 if day == 10 else day, day)
            self.published(day)
        self.bring(12)
        self.versions = self.digests("store/versions")
        self.service = self.in_service()

    def nights(self):
        """Lines of the history, but for nights that failed."""
        return [line for line in self.path("store/history.jsonl").read_text().splitlines() if '"failed"' not in line]

    def meet(self, command, call, rank=0, first=1, path=""):
        """Runs into a call that fails. @return whether there was one"""
        before = self.nights()
        ended = self.run_program(2, *command, environment=faults(
            FAIL=call, FAIL_FROM=first, IO_PATH=f"{self.folder.name}/store/{path}", IO_RANK=rank))
        if f"fault: {call} " not in ended.err:
            self.assertEqual(ended.code, DONE, ended.told())
            return False
        with self.subTest(verb=command[0], call=call, rank=rank, first=first, path=path):
            self.assert_refused(ended, STORAGE, "failed" if call in ("write", "fsync") else "Input/output error")
            self.assertEqual(self.in_service(), self.service, ended.told())
            self.assertEqual(self.digests("store/versions"), self.versions, ended.told())
            self.assertEqual(self.nights(), before, ended.told())
            self.assert_nothing_partial()
        return True

    def test_a_night_that_meets_one(self):
        self.assertTrue(self.meet(RETRAIN, "read", path="history.jsonl"))
        for rank, first in ((0, 1), (1, 1)):
            self.assertTrue(self.meet(RETRAIN, "read", rank, first, path="versions"))
        for rank, first in ((0, 1), (0, 2), (0, 8), (0, 34), (1, 1)):  # 34: a file is completed by one rank
            self.assertTrue(self.meet(RETRAIN, "write", rank, first))
        for path, first in (("", 2), ("versions", 1), ("history.jsonl", 1)):
            self.assertTrue(self.meet(RETRAIN, "fsync", first=first, path=path))
        self.published(12)

    def test_a_night_none_of_whose_names_can_be_given(self):
        """Whichever file or folder is the first that gets no name, up to the link that puts the version into service."""
        num_names = 0
        while num_names < 14 and self.meet(RETRAIN, "rename", first=num_names + 1):
            num_names += 1
        self.assertEqual(num_names, 14, "a night gives more names than that")
        self.assertTrue(self.meet(RETRAIN, "rename", first=15), "the link")
        self.published(12)

    def kept(self):
        return self.digests("store/kept-events")

    def meet_in_cache(self, environment, words):
        """A night that the log's gate holds, with an error on the kept events. @return its record of these"""
        before = self.kept()
        ended = self.run_program(2, *RETRAIN, "--min-new-events", "1000000", environment=environment)
        self.assertEqual((ended.code, ended.complaints()), (HELD, []), ended.told())
        self.assertEqual(ended.err.count(words), 1, ended.told())
        self.assert_nothing_partial("store")
        after = self.kept()
        self.assertEqual({path: after.get(path) for path in before}, before, ended.told())
        return self.record("store/held.run.json")["results"]["kept_events"]

    def test_kept_events_are_only_a_cache(self):
        cache = f"{self.folder.name}/store/kept-events"
        for call, rank, first in (("write", 0, 1), ("write", 1, 1), ("write", 0, 7), ("fsync", 1, 1), ("rename", 0, 1)):
            with self.subTest(call=call, rank=rank, first=first):
                environment = faults(FAIL=call, FAIL_FROM=first, IO_PATH=cache, IO_RANK=rank)
                before = self.kept()
                kept = self.meet_in_cache(environment, "are not kept: ")
                self.assertEqual((kept["files_parsed"], kept["files_taken"]), (1, 11))
                self.assertIn("failed", kept["not_kept"])
                self.assertEqual(self.kept(), before)
        for rank, first in ((0, 1), (1, 2)):
            with self.subTest(call="read", rank=rank, first=first):
                environment = faults(FAIL="read", FAIL_FROM=first, IO_PATH=f"{cache}/000001.h5", IO_RANK=rank)
                kept = self.meet_in_cache(environment, "left aside")
                self.assertEqual((kept["files_parsed"], kept["files_taken"]), (11, 1))
                self.assertNotIn("not_kept", kept)
                self.path("store/kept-events/000003.h5").unlink()
        shutil.copytree(self.path("store"), self.path("plain"), symlinks=True)
        ended = self.run_program(2, *RETRAIN, "--json", environment=faults(FAIL="write", IO_PATH=cache))
        self.assertEqual(ended.code, DONE, ended.told())
        self.assertIn("failed", self.record("store/current/run.json")["results"]["kept_events"]["not_kept"])
        plain = self.run_well(3, *RETRAIN, "--store", "plain", "--json", "--no-kept-events")
        self.assertEqual(ended.json()["night"]["digests"], plain.json()["night"]["digests"])

    def test_kept_events_on_a_full_disk(self):
        disk = self.path("store/kept-events")
        shutil.rmtree(disk)
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(disk)], capture_output=True,
                                 text=True, check=False)
        if mounted.returncode:
            self.skipTest("no file system can be mounted here (that needs root): " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", str(disk)], check=False)
        for parsed in (12, 12):  # the next night too
            kept = self.meet_in_cache(None, "are not kept: ")
            self.assertEqual((kept["files_parsed"], kept["files_taken"]), (parsed, 0))
            self.assertIn("No space left on device", kept["not_kept"])
            self.assertEqual(self.kept(), {})

    def test_a_rollback_that_meets_one(self):
        for call, first, path in (("read", 1, "history.jsonl"), ("write", 1, "lock"), ("write", 1, "rollback.json"),
                                  ("write", 1, "history.jsonl"), ("fsync", 1, "history.jsonl"), ("rename", 1, "versions")):
            self.assertTrue(self.meet(ROLLBACK, call, first=first, path=path))
        self.run_well(2, *ROLLBACK)
        self.assertNotEqual(self.in_service(), self.service)

    def killed(self, command, call, number):
        """Kills the only rank in place of its n-th such call below the store. @return of which file; None: there is none"""
        ended = self.run_program(0, *command, environment=faults(
            FAIL=call, FAIL_FROM=number, FAIL_KILLS=1, IO_PATH=f"{self.folder.name}/store"))
        met = re.search(rf"fault: {call} (.*)", ended.err)
        self.assertEqual(ended.code, -signal.SIGKILL if met else DONE, ended.told())
        return met and os.path.basename(met[1])

    def check_after_kill(self, command, newest, before):
        """One of both is in service; the same command once more gets there, as if nothing had been."""
        self.assertIn(self.in_service(), (newest, before))
        self.assertEqual(self.digests("store/versions"), self.versions)
        self.run_well(0, *command)
        self.assertEqual(self.in_service(), before)
        self.assertEqual(self.digests("store/versions"), self.versions)
        nights = [json.loads(line) for line in self.path("store/history.jsonl").read_text().splitlines()]
        nights = [(night["outcome"], night["version"]) for night in nights]
        self.assertEqual(nights[-1], ("rolled_back", os.path.basename(before)))
        self.assertEqual(sorted(os.listdir(self.path("store"))), self.files)
        self.assertEqual(nights.count(nights[-1]), 1, "back once")

    def check_killed_rollbacks(self, command, calls, newest, before):
        """@return calls and files that there were"""
        met = []
        for call in calls:
            number = 1
            while name := self.killed(command, call, number):
                with self.subTest(command=command, call=call, number=number, name=name):
                    if call == "unlink":  # the same command once more is killed, too, as it takes back what is left
                        self.killed(command, call, 1)
                    self.check_after_kill(command, newest, before)
                self.restore()
                met.append((call, name))
                number += 1
            self.restore()
        return met

    def restore(self):
        """The store as it was after three nights."""
        shutil.rmtree(self.path("store"))
        shutil.copytree(self.path("before"), self.path("store"), symlinks=True)

    def test_a_rollback_killed_at_any_call_is_whole_and_goes_back_once(self):
        self.published(12)  # a rollback that went back twice would find a third version
        self.versions = self.digests("store/versions")
        self.files = sorted(os.listdir(self.path("store")))
        shutil.copytree(self.path("store"), self.path("before"), symlinks=True)
        newest, before = self.in_service(), self.service
        met = self.check_killed_rollbacks(ROLLBACK, ("write", "fsync", "rename", "unlink"), newest, before)
        self.assertGreaterEqual({name for _, name in met}, {"lock", "rollback.json", "history.jsonl"})
        self.assertEqual([name for call, name in met if call == "unlink"][-2:], ["lock", "rollback.json"])
        self.assertGreaterEqual(len(met), 12)
        self.check_killed_rollbacks([*ROLLBACK, "--to", os.path.basename(before)], ("unlink",), newest, before)

        shutil.rmtree(self.path(f"store/{newest}"))  # lost: the retrain that finds this says to
        self.run_badly(0, STORAGE, "rollback --to", *RETRAIN)
        self.run_well(0, *ROLLBACK, "--to", os.path.basename(before))
        self.assertEqual(self.in_service(), before)

    def test_a_history_that_meets_one(self):
        for call, path in (("read", "history.jsonl"), ("write", "nights.svg"), ("fsync", "nights.svg"),
                           ("rename", "nights.svg")):
            self.assertTrue(self.meet(HISTORY, call, path=path))
            self.assertFalse(os.path.exists(self.path("store/nights.svg")))
        self.run_well(2, *HISTORY)


if __name__ == "__main__":
    unittest.main()
