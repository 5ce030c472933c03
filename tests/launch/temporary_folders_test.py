#!/usr/bin/env python3
"""Where a start puts what it needs for itself, and names that are not UTF-8. With fake
executables."""

import io
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

from fake_fleet import ROOT, FakeFleetTest

sys.path.insert(0, str(ROOT / "launch"))

from rubato_cli.base.console import Console  # noqa: E402
from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402
from rubato_cli.fleet.sockets import LOOPBACK, Addresses, SocketFolder  # noqa: E402

AUTO = {"transport": "auto", **LOOPBACK}
ODD = os.fsdecode(b"odd\xff")  # a name that is not UTF-8


class SocketFolderTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="folders-test-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)

    def test_the_first_folder_that_fits_is_taken(self):
        for name in ("x" * 80, ODD, "good"):
            (self.path / name).mkdir()
        folders = [str(self.path / name) for name in ("x" * 80, ODD, "absent", "good")]
        with SocketFolder(*folders) as sockets:
            address = Addresses({**AUTO, "transport": "ipc"}, sockets, "train").server(1023)
            self.assertTrue(address.startswith(f"ipc://{self.path}/good/rubato-"), address)
        self.assertEqual(list((self.path / "good").iterdir()), [])

    def test_without_a_folder_auto_is_tcp_and_ipc_a_sentence(self):
        with SocketFolder(f"/{'x' * 80}", str(self.path / "absent")) as sockets:
            addresses, said = Addresses(AUTO, sockets, "train"), io.StringIO()
            addresses.warn(Console(progress=said))
            self.assertEqual(addresses.scheduler(), "tcp://127.0.0.1:0")
            self.assertIn("every user of this host can reach it", said.getvalue())
            with self.assertRaises(Failure) as caught:
                Addresses({**AUTO, "transport": "ipc"}, sockets, "train").scheduler()
        self.assertEqual(caught.exception.code, 2)
        self.assertIn("holds at most 107 bytes)", caught.exception.sentence)
        self.assertIn("absent (No such file or directory; check the path); set TMPDIR",
                      caught.exception.sentence)

    def test_tcp_makes_no_folder(self):
        with SocketFolder(str(self.path)) as sockets:
            for fleet in ({**AUTO, "transport": "tcp"}, {**AUTO, "port": 4711}):
                self.assertTrue(Addresses(fleet, sockets, "train").scheduler().startswith("tcp:"))
            self.assertEqual(list(self.path.iterdir()), [])


class TemporaryFolderTest(FakeFleetTest):
    def setUp(self):
        super().setUp()
        self.temporary = self.path / "tmp"
        self.temporary.mkdir()
        self.environment["TMPDIR"] = str(self.temporary)
        (self.path / "x.csv").write_text("x\n1\n")

    def in_run(self, out="out"):
        return sorted(str(path) for path in (self.path / out).rglob("*")
                      if "marks" not in path.parts)

    def test_tmpdir_is_heeded_and_left_empty(self):
        code, _, stderr = self.train()
        self.assertEqual(code, 0, stderr)
        self.assertIn(f"ipc://{self.temporary}/rubato-",
                      (self.out / "marks" / "scheduler-arguments").read_text())
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_predict_writes_nothing_into_the_run(self):
        self.assertEqual(self.train()[0], 0)
        shutil.rmtree(self.out / "logs")
        before = self.in_run()
        predict = ("predict", "--run", "out", "--in", "x.csv", "--out", "y.csv")
        self.assertEqual(self.rubato(*predict)[0], 0)
        self.assertEqual(self.in_run(), before)
        self.assertEqual(list(self.temporary.iterdir()), [])
        # A log that a sentence names is there.
        config = RunFolder(str(self.out)).read_json("config.json")
        config["fake"]["fates"]["predict"] = "silent"
        RunFolder(str(self.out)).write_json("config.json", config)
        code, _, stderr = self.rubato(*predict)
        self.assertEqual(code, 3)
        log = self.path / stderr.strip().rsplit("its log is ", 1)[1]
        self.assertIn("something went wrong in the engine", log.read_text())
        self.assertIn(self.temporary, log.resolve().parents)
        self.assertEqual(self.in_run(), before)
        self.assertEqual(self.rubato(*predict)[0], 3)
        self.assertTrue(log.exists(), "the next start has swept away what a sentence named")

    def test_logs_that_no_sentence_names_are_removed(self):
        self.assertEqual(self.train()[0], 0)
        (self.path / "bin" / "rubato-worker").write_text("#!/no/such/program\n")
        code, _, stderr = self.rubato("predict", "--run", "out", "--in", "x.csv", "--out", "y.csv")
        self.assertEqual(code, 3, stderr)
        self.assertNotIn("its log is", stderr)
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_names_that_are_not_utf8_work(self):
        odd = ODD + "run"
        code, stdout, stderr = self.rubato("train", self.write_run(), "--out", odd)
        self.assertEqual(code, 0, stderr)
        for command in (("status", odd), ("report", odd), ("compare", odd, odd)):
            self.assertEqual(self.rubato(*command)[0], 0, command)
        os.rename(self.path / "x.csv", self.path / ODD)
        code, stdout, stderr = self.rubato("predict", "--run", odd, "--in", ODD, "--out", ODD + "2")
        self.assertEqual(code, 0, stderr)
        self.assertEqual((self.path / (ODD + "2")).read_text(), "x,pd\n1,0.5\n")
        self.assertEqual(stdout, f"wrote {ODD}2\n")

    def test_a_run_file_cannot_hold_such_a_name(self):
        for name in (ODD, "my.csv"):
            (self.path / name).write_text("ID,AGE,y good bad good")
        before = sorted(self.path.iterdir())
        for data, out in ((ODD, "run.toml"), ("my.csv", ODD + ".toml")):
            code, _, stderr = self.rubato("init", data, "--label", "y", "--out", out)
            self.assertEqual(code, 2, stderr)
            self.assertIn("this name is not UTF-8, and nothing else can stand in a run file",
                          stderr)
            self.assertEqual(sorted(self.path.iterdir()), before)


if __name__ == "__main__":
    unittest.main()
