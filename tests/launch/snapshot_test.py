"""`rubato snapshot` and `rubato rollback` on runs of real processes.

At staleness 0 a run has one result, so an export is the oracle: runs on other numbers of shards,
moved to others, or gone back and trained again end with the same file.
"""

import csv
import fcntl
import hashlib
import json
import math
import os
import shutil
import struct
import unittest

from real_fleet import FleetTest, flip_a_byte

EPOCHS = ("model.kind=mlp", "model.hidden=[8]", "train.best_epoch=true", "train.epochs=4")


def read_safetensors(path):
    """{name: (dtype, shape, values)}; every rule of the format that a reader may rely on holds."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    assert length <= 100_000_000 and 8 + length <= len(data)
    text = data[8:8 + length].decode("utf-8")
    assert text.startswith("{")
    header = json.loads(text, object_pairs_hook=_without_doubles)
    body = data[8 + length:]
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, after = entry["data_offsets"]
        letter, size = {"F32": ("f", 4), "U64": ("Q", 8)}[entry["dtype"]]
        count = math.prod(entry["shape"])
        assert begin == end and after - begin == count * size and begin % size == 0, name
        values = struct.unpack_from(f"<{count}{letter}", body, begin)
        tensors[name] = (entry["dtype"], entry["shape"], values)
        end = after
    assert end == len(body) and (8 + length) % 8 == 0
    return tensors


def _without_doubles(pairs):
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def read_csv(path):
    """{table: {key: weights}}"""
    tables = {}
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        assert header[:3] == ["table", "key", "weight_0"]
        for row in rows:
            assert len(row) == len(header)
            weights = tuple(_as_float32(field) for field in row[2:] if field)
            assert int(row[1]) not in tables.setdefault(row[0], {})
            tables[row[0]][int(row[1])] = weights
    return tables


def _as_float32(digits):
    return struct.unpack("f", struct.pack("f", float(digits)))[0]


class SnapshotTest(FleetTest):
    rows = 3000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls("rubato").train_well("trained", *EPOCHS)

    def copy(self, name):
        """A copy of the trained run: a snapshot of each of four epochs, and one at the end."""
        shutil.copytree(self.path / "trained", self.path / name)
        return name

    def told(self, *arguments, code=0):
        """The document of a command."""
        ended, stdout, stderr = self.rubato(*arguments, "--json")
        self.assertEqual(ended, code, stderr)
        self.assertNotIn("Traceback", stderr)
        return json.loads(stdout)

    def refused(self, code, sentence, *arguments):
        ended, _, stderr = self.rubato(*arguments)
        self.assertEqual(ended, code, stderr)
        self.assertIn(sentence, stderr)

    def digest(self, run, *arguments):
        """SHA-256 of the exported weights."""
        return self.told("snapshot", "export", run, "--out", f"{run}.st", *arguments)["sha256"]

    def kept(self, run):
        return [each["number"] for each in self.told("snapshot", "list", run)["kept"]]

    def newest(self, run):
        return self.digest(run, "--snapshot", str(self.kept(run)[-1]))


class ListTest(SnapshotTest):

    def test_the_list_says_what_there_is_and_which_one_predict_uses(self):
        kept = self.told("snapshot", "list", "trained")["kept"]
        self.assertEqual([each["epoch"] for each in kept], [1, 2, 3, 4, 4])
        used = self.metrics("trained")["train"]["snapshot_used"]
        self.assertEqual([each["number"] for each in kept if each["used"]], [used])
        for each in kept:
            files = self.path.glob(f"trained/snapshots/{each['number']}-*/*")
            self.assertEqual(each["bytes"], sum(file.stat().st_size for file in files))
            self.assertEqual(each["shards"], 4)
        code, stdout, _ = self.rubato("snapshot", "list", "trained")
        self.assertEqual(code, 0)
        self.assertEqual(len(stdout.splitlines()), 6)
        self.assertEqual(stdout.count("used by predict"), 1)

    def test_what_is_no_run_or_no_snapshot_is_said(self):
        self.refused(2, "is not the folder of a run", "snapshot", "list", ".")
        self.refused(2, "snapshot 99 was not committed by this run", "snapshot", "verify",
                     "trained", "99")
        self.refused(2, "-1 is no number from 1 on", "snapshot", "prune", "trained", "--keep=-1")
        self.refused(2, "snapshot 99 was not", "snapshot", "export", "trained", "--out", "x",
                     "--snapshot", "99")
        self.refused(2, "there is no folder", "snapshot", "export", "trained", "--out", "none/x")
        self.assertFalse((self.path / "x").exists())

    def test_verify_names_each_damaged_file(self):
        run = self.copy("damaged")
        self.assertEqual([each["damage"] for each in self.told("snapshot", "verify", run)
                          ["snapshots"]], [[]] * 5)
        files = [next(self.path.glob(f"{run}/snapshots/{number}-{place}-*/{name}"))
                 for number, place, name in ((self.kept(run)[1], 0, "manifest"),
                                             (self.kept(run)[1], 2, "rows-00000.sst"),
                                             (self.kept(run)[3], 1, "manifest"))]
        for file in files:
            flip_a_byte(file)
        damage = [each["damage"] for each in self.told("snapshot", "verify", run, code=4)
                  ["snapshots"]]
        self.assertEqual(damage[0], [])
        for place, file in ((1, files[0]), (1, files[1]), (3, files[2])):
            self.assertEqual(sum(str(file) in sentence for sentence in damage[place]), 1)
        # Later ones may rest on these.
        self.assertTrue(all(any(str(file) in sentence for file in files)
                            for sentences in damage for sentence in sentences))
        number = str(self.kept(run)[0])
        self.assertEqual(self.rubato("snapshot", "verify", run, number)[0], 0)
        self.refused(4, str(files[2]), "snapshot", "export", run, "--out", "x", "--snapshot",
                     str(self.kept(run)[3]))


class ExportTest(SnapshotTest):

    def test_safetensors_and_csv_hold_the_same_weights(self):
        document = self.told("snapshot", "export", "trained", "--out", "model.st")
        file = self.path / "model.st"
        self.assertEqual(document["sha256"], hashlib.sha256(file.read_bytes()).hexdigest())
        self.assertEqual(document["number"], self.metrics("trained")["train"]["snapshot_used"])
        noted = json.loads((self.path / "trained/exports.jsonl").read_text().splitlines()[-1])
        self.assertEqual({name: noted[name] for name in document}, document)
        self.assertEqual(noted["user"], os.getuid())
        tensors = read_safetensors(file)
        tables = {table["name"]: table for table in self.job("trained")["tables"]}
        self.told("snapshot", "export", "trained", "--out", "model.csv", "--format", "csv")
        lines = read_csv(self.path / "model.csv")
        self.assertEqual(set(lines), set(tables))
        for name, table in tables.items():
            if table["kind"] == "dense":
                self.assertEqual(tensors.pop(name)[:2], ("F32", [table["size"]]))
                self.assertEqual(set(lines[name]), set(range(table["size"])))
                continue
            _, (rows,), keys = tensors.pop(f"{name}.keys")
            self.assertEqual(sorted(set(keys)), list(keys))
            dtype, shape, weights = tensors.pop(f"{name}.rows")
            self.assertEqual((dtype, shape), ("F32", [rows, table["dim"]]))
            dim = table["dim"]
            self.assertEqual(lines[name], {key: weights[dim * i:dim * (i + 1)]
                                           for i, key in enumerate(keys)})
        self.assertEqual(tensors, {})
        self.assertGreater(sum(map(len, lines.values())), 100)

    def test_the_same_model_is_the_same_file_on_any_number_of_shards(self):
        self.train_well("one", *EPOCHS, "fleet.servers=1", "fleet.shards_per_server=1")
        self.assertEqual(self.newest("one"), self.newest("trained"))
        self.train_well("other", *EPOCHS, "train.seed=2")
        self.assertNotEqual(self.newest("other"), self.newest("trained"))


class PruneTest(SnapshotTest):

    def test_the_newest_stay_and_the_one_that_predict_uses(self):
        run = self.copy("pruned")
        kept, used = self.kept(run), self.metrics(run)["train"]["snapshot_used"]
        self.assertIn(used, kept[:4])
        flip_a_byte(next(self.path.glob(f"{run}/snapshots/{kept[4]}-1-*/manifest")))
        document = self.told("snapshot", "prune", run, "--keep", "1")
        self.assertEqual(document["kept"], sorted({kept[3], used}))
        self.assertEqual(len(document["damage"]), 1)
        self.assertEqual(self.kept(run), document["kept"])
        numbers = {path.name.split("-")[0] for path in self.path.glob(f"{run}/snapshots/*-*-*")}
        self.assertLessEqual(set(map(str, document["kept"])), numbers)  # and what they rest on
        self.assertEqual(len(numbers), 5 - len(document["removed"]))
        self.assertIn(kept[4], document["removed"])
        before = self.path / "before.csv"
        for name, out in (("trained", before), (run, self.path / "after.csv")):
            self.assertEqual(self.rubato("predict", "--run", name, "--in", "few.csv", "--out",
                                         out)[0], 0)
        self.assertEqual(before.read_text(), (self.path / "after.csv").read_text())
        self.train_well(run, *EPOCHS, "train.epochs=5", resume=True)

    def test_nobody_prunes_or_goes_back_while_the_run_is_trained(self):
        run = self.copy("busy")
        with open(self.path / run / ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for command in (("snapshot", "prune", run, "--keep", "1"), ("rollback", run, "1")):
                self.refused(2, f"{run} is in use by another rubato", *command)
            self.assertEqual(len(self.kept(run)), 5)
            self.assertEqual(self.rubato("snapshot", "verify", run)[0], 0)
            self.digest(run)
        self.assertTrue((self.path / run / "metrics.json").exists())


class MoveTest(SnapshotTest):
    """Weights and what the optimizer keeps beside them go to other shards by their keys: whatever
    is lost or changed on the way changes the weights of two epochs later."""

    def test_a_resume_moves_the_model_to_other_servers(self):
        for before, after in ((2, 3), (4, 1), (1, 5)):
            with self.subTest(before=before, after=after):
                run = f"from-{before}-to-{after}"
                each = (*EPOCHS, "fleet.shards_per_server=1")
                self.train_well(run, *each, f"fleet.servers={before}", "train.epochs=2")
                middle = self.newest(run)
                self.train_well(run, *each, f"fleet.servers={after}", resume=True)
                kept = self.told("snapshot", "list", run)["kept"]
                self.assertEqual((kept[0]["shards"], kept[-1]["shards"]), (before, after))
                self.assertEqual(self.newest(run), self.newest("trained"))
                self.assertNotEqual(self.newest(run), middle)


class RollbackTest(SnapshotTest):

    def test_the_run_goes_on_from_there(self):
        run = self.copy("back")
        kept, end = self.kept(run), self.newest(run)
        document = self.told("rollback", run, str(kept[1]))
        self.assertEqual((document["number"], document["set_aside"]), (kept[1], kept[2:]))
        self.assertEqual(self.kept(run), kept[:2])
        self.assertFalse((self.path / run / "metrics.json").exists())
        self.assertEqual([event["epoch"] for event in self.validations(run)], [0, 1])
        code, stdout, _ = self.rubato("status", run)
        self.assertEqual(code, 0)
        self.assertIn("go on with `rubato train` and --resume", stdout)
        clock = document["clock"]
        self.assertRegex(stdout, rf"stopped, clock {clock} of \d+, committed to clock {clock}\n")
        code, stdout, _ = self.rubato("rollback", run, str(kept[1]))
        self.assertEqual(code, 0)
        self.assertIn(f"go on with `rubato train` and --resume, --out {run}", stdout)
        self.assertEqual(self.train_well(run, *EPOCHS, resume=True)["train"]
                         ["resumed_from_clock"], document["clock"])
        self.assertEqual([event["epoch"] for event in self.validations(run)],
                         [0, 1, 2, 3])
        self.assertEqual(self.newest(run), end)
        self.assertGreater(self.kept(run)[2], kept[4])
        self.refused(2, "was not committed by this run", "rollback", run, str(kept[4]))
        self.assertEqual(self.told("snapshot", "prune", run, "--keep", "5")["removed"], kept[2:])

    def test_a_damaged_snapshot_is_no_place_to_go_back_to(self):
        run = self.copy("worse")
        file = next(self.path.glob(f"{run}/snapshots/{self.kept(run)[0]}-0-*/manifest"))
        flip_a_byte(file)
        self.refused(4, str(file), "rollback", run, str(self.kept(run)[0]))
        self.assertEqual(len(self.kept(run)), 5)
        self.assertTrue((self.path / run / "metrics.json").exists())

    def validations(self, run):
        return json.loads((self.path / run / "validations.json").read_text())["validations"]


if __name__ == "__main__":
    unittest.main()
