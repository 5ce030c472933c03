#!/usr/bin/env python3
"""Wrong input of every kind: one sentence (what, where, what to do), the right exit code, nobody
left behind and earlier results untouched; through `rubato`, and from the executables themselves."""

import concurrent.futures
import os
import pathlib
import shutil
import socket
import subprocess
import unittest

from real_fleet import BIN, DEADLINE_SECONDS, FleetTest

# Settings that `rubato-data` refuses: what to --set, exit code, part of the sentence.
REFUSED = [
    (["data.path=nope.csv"], 4, "nope.csv failed: No such file or directory; check the path"),
    (["data.path=ragged.csv"], 4, "ragged.csv:101: the row has 2 fields, the header has 16"),
    (["data.label=defautl"], 2, "there is no column 'defautl' (data.label); did you mean"),
    (["data.label=age"], 4, "column 'age': the label is not binary"),
    (["data.path=one_class.csv"], 4, "the label has one value only, '0'"),
    (["fleet.host=0.0.0.0"], 2, "fleet.host '0.0.0.0' is no host that others could connect to"),
    (["device=cuda:99"], 2, 'device = "cuda:99": '),
    (["train.epoch=3"], 2, "did you mean 'train.epochs'?"),
    (["train.staleness=-1"], 2, "train.staleness"),
]


class BadInputTest(FleetTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        lines = (cls.path / "book.csv").read_text().splitlines(keepends=True)
        label = lines[0].strip().split(",").index("default")
        good = [line for line in lines[1:] if line.split(",")[label] == "0"]
        (cls.path / "one_class.csv").write_text("".join([lines[0], *good]))
        (cls.path / "ragged.csv").write_text("".join([*lines[:100], "a,b\n"]))
        both = [cls("train_well"), cls("train_well")]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(both[0].train_well, "done"),
                    pool.submit(both[1].train_well, "mlp", "model.kind=mlp")]
        for run in runs:
            run.result()

    def check_sentence(self, stderr, part):
        self.assertIn(part, stderr.splitlines()[-1])
        for word in ("Traceback", "terminate called", "CHECK failed"):
            self.assertNotIn(word, stderr)

    def call(self, program, *arguments, wanted, part):
        """An executable by itself: exit code and last line of stderr."""
        done = subprocess.run([BIN / program, *map(str, arguments)], cwd=self.path, text=True,
                              capture_output=True, timeout=DEADLINE_SECONDS, check=False)
        self.assertEqual(done.returncode, wanted, done.stderr)
        self.check_sentence(done.stderr, part)

    def copy(self, name):
        """A copy of the finished run, for damage; returns its folder."""
        shutil.copytree(self.path / "done", self.path / name)
        return self.path / name

    def check_resume(self, name, wanted, part):
        code, _, stderr = self.train(name, "train.epochs=4", resume=True)
        self.assertEqual(code, wanted, stderr)
        self.check_sentence(stderr, part)

    def test_settings_and_data(self):
        for changes, wanted, part in REFUSED:
            with self.subTest(changes):
                code, _, stderr = self.train("new", *changes)
                self.assertEqual(code, wanted, stderr)
                self.check_sentence(stderr, part)
                self.assertFalse((self.path / "new").exists())
                sets = [word for change in changes for word in ("--set", change)]
                self.call("rubato-data", "prepare", "run.toml", "--out", "new", *sets,
                          wanted=wanted, part=part)
        self.assertFalse(list(self.path.glob("new*")))

    def test_a_folder_that_exists_is_left_alone(self):
        before = (self.path / "done" / "metrics.json").read_bytes()
        code, _, stderr = self.train("done")
        self.assertEqual(code, 2)
        self.check_sentence(stderr, "done: is there already and not empty; choose another --out")
        self.assertEqual((self.path / "done" / "metrics.json").read_bytes(), before)
        self.call("rubato-scheduler", "--run", "done", "--listen", "tcp://127.0.0.1:0", wanted=2,
                  part="this run was started before; use --resume to go on, or another folder")

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            part = f"cannot listen on tcp://127.0.0.1:{port}: it is in use; choose another port"
            code, _, stderr = self.train("port", f"fleet.port={port}")
            self.assertEqual(code, 2)
            self.check_sentence(stderr, part)
            self.call("rubato-scheduler", "--run", "done", "--serve", "--listen",
                      f"tcp://127.0.0.1:{port}", wanted=2, part=part)

    def test_executables_that_cannot_do_what_they_are_told(self):
        scheduler = ("--scheduler", "tcp://127.0.0.1:1")
        here = ("--listen", "tcp://127.0.0.1:0")
        self.call("rubato-scheduler", "--run", "nope", *here, wanted=2,
                  part="nope/job.json: cannot be read; `rubato-data prepare RUN --out nope`")
        self.call("rubato-scheduler", "--run", "done", "--serve", "--listen", "tcp://0.0.0.0:0",
                  wanted=2, part="can be reached from other hosts, and there are no keys")
        self.call("rubato-server", "--run", "done", *scheduler, *here, "--server", 99, wanted=2,
                  part="--server 99: the run in done has servers 0 to 1")
        self.call("rubato-server", "--run", "done", *scheduler, "--listen", "ipc:///nope/x",
                  "--server", 0, wanted=2, part="listening on ipc:///nope/x-0 failed: No such file")
        self.call("rubato-server", "--run", "done", *scheduler, *here, "--server", 0,
                  "--advertise", "tcp://h1:7-9", wanted=2,
                  part="names no port that others could connect to")
        self.call("rubato-worker", "train", "--run", "done", *scheduler, "--seat", 99, wanted=2,
                  part="--seat 99: the run in done has seats 0 to 1")
        self.call("rubato-worker", "train", "--run", "done", "--scheduler", "junk", "--seat", 0,
                  wanted=2, part='address "junk" is of no known kind')

    def test_options_that_would_do_nothing(self):
        prepare = ("rubato-data", "prepare", "run.toml", "--out", "new")
        scheduler = ("rubato-scheduler", "--run", "done")
        here = ("--listen", "tcp://127.0.0.1:0")
        for command, sentence in (
                ((*prepare, "--committed", "1"), "--committed requires --resume"),
                ((*scheduler, "--committed", "--resume"), "--resume excludes --committed"),
                ((*scheduler, "--committed", "--serve"), "--serve excludes --committed"),
                ((*scheduler, *here, "--serve", "--resume"), "--resume excludes --serve"),
                ((*scheduler, "--kept", "--snapshot", "1"), "--snapshot excludes --kept")):
            done = subprocess.run([BIN / command[0], *command[1:]], cwd=self.path, text=True,
                                  capture_output=True, timeout=DEADLINE_SECONDS, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(done.stderr.splitlines()[0], sentence)
        self.assertFalse((self.path / "new").exists())

    def test_damaged_files_of_a_run(self):
        for name, file, part in (
                ("truncated", "data/train.rbd", "data/train.rbd: it has"),
                ("flipped", "data/train.rbd", "data/train.rbd: the checksum of section"),
                ("state", "snapshots/scheduler.state", "is damaged: its checksum is wrong")):
            with self.subTest(name):
                target = self.copy(name) / file
                content = bytearray(target.read_bytes())
                content[len(content) // 2] ^= 0x40
                target.write_bytes(content[:-100] if name == "truncated" else content)
                self.check_resume(name, 4, part)

    def test_files_of_a_run_that_are_gone(self):
        run = self.copy("stateless")
        (run / "snapshots" / "scheduler.state").unlink()
        self.check_resume("stateless", 4, "stateless/snapshots/scheduler.state: it is missing "
                          "beside images of snapshots")
        for image in (self.copy("imageless") / "snapshots").glob("*-1-*"):
            shutil.rmtree(image)
        self.check_resume("imageless", 4, "/manifest failed: No such file or directory; check "
                          "the path, and no other one is whole; restore ")
        (self.copy("configless") / "config.json").unlink()
        metrics = self.train_well("configless", "train.epochs=4", resume=True)
        self.assertEqual(metrics["train"]["clock"], self.job("configless")["last_clock"])
        (self.copy("jobless") / "job.json").unlink()
        self.check_resume("jobless", 2, "jobless/job.json: cannot be read")

    def test_a_damaged_snapshot(self):
        for rows in (self.copy("snapshot") / "snapshots").glob("*-0-*/rows-*"):
            content = bytearray(rows.read_bytes())
            content[len(content) // 2] ^= 0x40
            rows.write_bytes(content)
        self.check_resume("snapshot", 4, "rows-00000.sst: its checksum is wrong, and no other "
                          "one is whole; restore ")

    def test_snapshots_of_another_model(self):
        run = self.copy("other")
        shutil.rmtree(run / "snapshots")
        shutil.copytree(self.path / "mlp" / "snapshots", run / "snapshots")
        self.check_resume("other", 4, "is of another model (its tables or seed differ")

    def test_a_server_that_cannot_start_and_one_that_dies(self):
        broken = self.path / "bin"
        broken.mkdir()
        for program in BIN.glob("rubato-*"):
            (broken / program.name).symlink_to(program)
        self.programs = broken
        for name, script, part in (
                ("nostart", "#!/nowhere/sh\n", "starting server-0 "),
                ("dies", "#!/bin/sh\nkill -9 $$\n", "server-0 was killed by signal 9")):
            with self.subTest(name):
                (broken / "rubato-server").unlink()
                (broken / "rubato-server").write_text(script)
                (broken / "rubato-server").chmod(0o755)
                code, _, stderr = self.train(name, "fleet.restarts=1")
                self.assertEqual(code, 3, stderr)
                self.check_sentence(stderr, part)

    @unittest.skipIf(os.geteuid() != 0, "only root can mount a small disk to fill")
    def test_a_full_disk(self):
        disk = pathlib.Path(self.path / "disk")
        disk.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1600k", "tmpfs", disk],
                               capture_output=True, text=True, check=False)
        if mount.returncode != 0:
            self.skipTest(f"cannot mount a tmpfs here: {mount.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        wide = ("model.kind=mlp", "model.hidden=[256,256]", "snapshot.every_clocks=20")
        code, _, stderr = self.train("disk/run", *wide)
        self.assertEqual(code, 3, stderr)
        self.assertIn("not written, training goes on", stderr)
        self.check_sentence(stderr, "; free some space there, then go on with --resume")
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        metrics = self.train_well("disk/run", *wide, resume=True)
        self.assertEqual(metrics["train"]["clock"], self.job("disk/run")["last_clock"])


if __name__ == "__main__":
    unittest.main()
