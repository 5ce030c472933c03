#!/usr/bin/env python3
"""`rubato up`, `down`, `status` and `logs`: a fleet that outlives its terminal, and how others find
it. With fake executables; over ssh in ssh_up_test.py."""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from fake_fleet import ROOT, FakeFleetTest
from processes import (DEADLINE_SECONDS, STOP_SIGNALS, alive, heed_signals, read_until,
                       wait_until)

sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.base.console import Console  # noqa: E402
from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.detached import record, supervisor  # noqa: E402
from rubato_cli.detached.elsewhere import Elsewhere  # noqa: E402
from rubato_cli.detached.record import Record, read, write  # noqa: E402
from rubato_cli.files.log_tail import LogTail  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402
from rubato_cli.fleet.remote.ssh import Ssh  # noqa: E402
from rubato_cli.fleet.stop_signals import StopSignals  # noqa: E402

SLOW = {"worker-0": "slow", "worker-1": "slow"}
STOPPED = "stopped with a snapshot at clock 20"


class UpTest(FakeFleetTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.kill_all)

    def kill_all(self):
        """Whoever a failed test has left behind."""
        for pid in (self.record().get("process", 0), *self.pids()):
            if pid and alive(pid):
                os.kill(pid, signal.SIGKILL)

    def record(self):
        return RunFolder(str(self.out)).find_json("supervisor.json")

    def up_words(self, **run):
        return "up", self.write_run(**{"fates": SLOW, **run}), "--out", "out"

    def up(self, **run):
        return self.rubato(*self.up_words(**run))

    def up_well(self, **run):
        """Its supervisor."""
        code, stdout, stderr = self.up(**run)
        self.assertEqual(code, 0, stderr)
        self.assertRegex(stdout, r"^out trains: epoch 1/2 ")
        return self.record()["process"]

    def assert_over(self, pid):
        wait_until(lambda: not alive(pid))
        self.assert_nobody_left()

    def test_it_trains_on_when_the_terminal_is_closed_and_is_stopped_with_a_snapshot(self):
        words = [sys.executable, str(ROOT / "launch" / "rubato"), *self.up_words()]
        shell, terminal = pty.fork()
        if shell == 0:
            heed_signals()
            os.chdir(self.path)
            os.execve(words[0], words, self.environment)
        self.assertEqual(os.waitpid(shell, 0)[1], 0)
        os.close(terminal)
        pid = self.record()["process"]
        self.assertEqual(os.getsid(pid), pid)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            self.assertEqual(stat.read().rpartition(")")[2].split()[4], "0")  # its terminal
        code, stdout, _ = self.rubato("status", "out")
        self.assertEqual(code, 0)
        self.assertIn(f"running (process {pid})", stdout)
        code, stdout, stderr = self.rubato("down", "out")
        self.assertEqual(code, 0, stderr)
        self.assertIn(f"{STOPPED}; go on with `rubato up` and --resume", stdout)
        self.assert_over(pid)
        self.assertEqual(self.rubato("down", "out")[:2], (0, stdout))
        self.assertIn(STOPPED, self.rubato("status", "out")[1])
        code, _, stderr = self.train("--resume")  # whose folder it is from then on
        self.assertEqual((code, self.record()), (0, {}), stderr)

    def test_who_asks_twice_waits_twice_and_one_who_will_not_wait_ends_it(self):
        pid = self.up_well(fates={**SLOW, "scheduler": "slow"})
        code, _, stderr = self.up()
        self.assertEqual(code, 2)
        self.assertIn(f"out: a fleet trains there already, which process {pid} supervises", stderr)
        waiting = [self.start("down", "out") for _ in range(2)]
        for process in waiting:
            read_until("is asked to stop", process.stderr)
        log = RunFolder(str(self.out)).path / "logs" / "supervisor.log"
        wait_until(lambda: "waiting for a last snapshot" in log.read_text())
        self.assertTrue(alive(pid))
        code, stdout, stderr = self.rubato("down", "out", "--now", "--json")
        self.assertEqual((code, json.loads(stdout)["state"]), (0, "stopped"), stderr)
        for process in waiting:
            _, stderr = process.communicate(timeout=DEADLINE_SECONDS)
            self.assertIn(process.returncode, (130, 143))
            self.assertIn("rubato: stopped at once", stderr)
        self.assert_over(pid)
        self.assertEqual(self.rubato("down", "out", "--now")[:2], (0, "stopped at once\n"))

    def test_what_keeps_it_from_training_is_said_and_nobody_is_left(self):
        code, stdout, stderr = self.up(fates={"scheduler": "error4"})
        self.assertEqual((code, stdout), (4, ""), stderr)
        self.assertIn("rubato: scheduler-0 ended with exit code 4: labels are all the same", stderr)
        self.assert_over(self.record()["process"])
        code, _, stderr = self.rubato("down", "out")
        self.assertEqual(code, 4)
        self.assertIn("labels are all the same", stderr)
        code, _, stderr = self.up()
        self.assertEqual(code, 2)
        self.assertIn("is there already and not empty", stderr)

    def test_who_does_not_wait_until_it_trains_leaves_nobody(self):
        process = self.start(*self.up_words(fates={"worker-0": "lose", "worker-1": "lose"}))
        wait_until(lambda: (self.out / "marks" / "pid-worker-1").exists())
        process.terminate()
        stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual((process.returncode, stdout), (143, ""), stderr)
        self.assert_over(self.record()["process"])

    def test_a_fleet_that_is_through(self):
        code, stdout, stderr = self.up(fates={}, clocks=2)
        self.assertEqual(code, 0, stderr)
        wait_until(lambda: self.record().get("ending"))
        code, stdout, _ = self.rubato("down", "out")
        self.assertEqual(code, 0)
        self.assertIn("test AUC 0.7500", stdout)

    def test_who_is_no_more_is_not_taken_for_another(self):
        pid = self.up_well()
        os.kill(pid, signal.SIGKILL)
        self.assert_over(pid)
        code, _, stderr = self.rubato("down", "out")
        self.assertEqual(code, 3)
        self.assertIn(f"its supervisor (process {pid}) was killed", stderr)
        found = read(RunFolder(str(self.out)))
        reused = dataclasses.replace(found, process=os.getpid())
        self.assertFalse(reused.alive())
        with reused.opened() as process:
            self.assertIsNone(process)
        rebooted = dataclasses.replace(reused, machine="before", started=0)
        self.assertFalse(rebooted.is_elsewhere() or rebooted.alive())
        self.assertIn("went down with its host", rebooted.told().said[0])
        with self.assertRaisesRegex(Failure, "is a process of host far; say it there"):
            dataclasses.replace(rebooted, hostname="far").is_elsewhere()
        self.assertTrue(dataclasses.replace(rebooted, host="far").is_elsewhere())

    @unittest.skipIf(os.geteuid() != 0, "only root may give files away")
    def test_nobody_else_says_where_to_log_in_and_whom_to_stop(self):
        folder = RunFolder(str(self.out))
        (self.out / "logs").mkdir(parents=True)
        log = self.out / "logs" / "worker-0.where"
        log.write_text(json.dumps({"host": "far", "path": "/tmp/theirs", "log": "/etc/passwd"}))
        os.chown(log, 1, 1)
        far = Record("far", "/tmp/theirs", "/tmp/out")
        sleeper = subprocess.Popen(["sleep", "infinity"])
        self.addCleanup(sleeper.wait)
        self.addCleanup(sleeper.kill)
        named = dataclasses.replace(record.mine(folder, ""), process=sleeper.pid,
                                    started=record.started(sleeper.pid))
        for told, words, says in ((far, ["status", "out"], "on which host to run what"),
                                  (named, ["down", "out"], "which process to stop"),
                                  (named, ["logs", "out", "worker-0"], "on which host")):
            write(folder, told)
            os.chown(self.out / "supervisor.json", 1, 1)
            code, _, stderr = self.rubato(*words)
            self.assertEqual(code, 2)
            self.assertIn(f"is another user's, and says {says}", stderr)
        self.assertIsNone(sleeper.poll())
        shutil.copy(self.out / "supervisor.json", self.path / "own")  # which a link could offer
        (self.out / "supervisor.json").unlink()
        (self.out / "supervisor.json").symlink_to(self.path / "own")
        code, _, stderr = self.rubato("down", "out")
        self.assertEqual(code, 2)
        self.assertIn("supervisor.json is no plain file", stderr)
        self.assertIsNone(sleeper.poll())

    def test_logs_are_shown_and_followed_to_the_end(self):
        pid = self.up_well()
        code, stdout, _ = self.rubato("logs", "out", "worker-1", "--lines", "1")
        self.assertEqual((code, stdout), (0, "worker-1 lives\n"))
        code, stdout, _ = self.rubato("logs", "out", "--json")
        self.assertIn("supervisor.log", json.loads(stdout)["log"])
        code, _, stderr = self.rubato("logs", "out", "worker-2")
        self.assertEqual(code, 2)
        self.assertIn("out has no log of 'worker-2'; it has those of prepare-0, scheduler-0, "
                      "server-0, server-1, supervisor, worker-0, worker-1", stderr)
        followers = [self.start("logs", "out", "-f"), self.start("logs", "out", "server-0", "-f")]
        self.assertEqual(self.rubato("down", "out")[0], 0)
        said = [process.communicate(timeout=DEADLINE_SECONDS)[0] for process in followers]
        self.assertIn(STOPPED, said[0])
        self.assertEqual(said[1], "server-0 lives\n")
        self.assert_over(pid)

    def test_a_run_of_train_is_not_its_to_stop(self):
        process = self.start_slow()
        code, _, stderr = self.rubato("down", "out")
        self.assertEqual(code, 2)
        self.assertIn(f"out is not of a `rubato up`: `kill -INT {process.pid}` stops", stderr)
        process.terminate()
        process.communicate(timeout=DEADLINE_SECONDS)


class TalkingShellTest(unittest.TestCase):
    """A login shell that writes before and after what it was to run."""

    def elsewhere(self, *says, code=0):
        scratch = tempfile.TemporaryDirectory(prefix="talking-test-")
        self.addCleanup(scratch.cleanup)
        ssh = pathlib.Path(scratch.name) / "ssh"
        ssh.write_text("\n".join(["#!/bin/sh", "cat <<'END'", *says, "END", f"exit {code}", ""]))
        ssh.chmod(0o755)
        return Elsewhere(Ssh(str(ssh)), "far", "there")

    def test_an_answer_is_found_in_what_it_writes(self):
        begun = {"line": "epoch 1", "hosts": [{"name": "one"}]}
        document = json.dumps(begun, indent=2)
        for says in ((document,), ("Welcome to {far}, {}", document, "logout {", "}"),
                     ("\033]0;far\007" + document,)):
            self.assertEqual(self.elsewhere(*says).ask(["up"]), (0, begun))
            with mock.patch.object(sys, "stdout", io.StringIO()) as shown:
                self.assertEqual(self.elsewhere(*says, code=3).do(["status", "--json"]), 3)
            self.assertEqual(json.loads(shown.getvalue()), begun)

    def test_no_answer_is_a_sentence(self):
        for code, wanted in ((0, 4), (2, 2)):
            with self.assertRaisesRegex(Failure, f"far: `rubato up` .* code {code} and") as raised:
                self.elsewhere("Welcome {", code=code).ask(["up"])
            self.assertEqual(raised.exception.code, wanted)


class SupervisorTest(unittest.TestCase):
    """Jobs without a fleet, and signals at the worst moments."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="supervisor-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = RunFolder(scratch.name)

    def begin(self, job):
        """How it ended."""
        with StopSignals() as stop, open(os.devnull, "w", encoding="utf-8") as nobody:
            begun = supervisor.Supervisor(job, "")
            self.addCleanup(kill_and_bury, begun.process)
            return begun.wait(Console(progress=nobody), stop, None)

    def test_a_stop_when_all_is_over_does_not_keep_that_from_being_told(self):
        def write(folder, found):
            if found.ending:
                for number in STOP_SIGNALS:
                    os.kill(os.getpid(), number)
            record.write(folder, found)

        def job(console, prepared, _):
            prepared(self.folder)
            console.result(["all of it"], {})
            return 0

        (self.folder.path / "logs").mkdir()
        with mock.patch.object(supervisor, "record", mock.Mock(wraps=record, write=write)):
            ending = self.begin(job)
        self.assertEqual(ending, record.Ending(0, ["all of it"]))
        self.assertEqual(read(self.folder).told(), ending)

    @unittest.skipIf(os.geteuid() != 0, "only root may give files away")
    def test_its_record_is_its_own_whoever_wrote_one_before(self):
        def job(_, prepared, __):
            prepared(self.folder)
            return 0

        (self.folder.path / "logs").mkdir()
        write(self.folder, Record("", "", ""))
        os.chown(self.folder.path / "supervisor.json", 1, 1)
        self.begin(job)
        self.assertEqual(read(self.folder).file.user, os.getuid())

    def test_a_stop_as_it_begins_is_counted(self):
        def job(_, __, stop):
            wait_until(lambda: stop.count == 2)
            return 7

        may_go_on, go_on = os.pipe()
        self.addCleanup(os.close, may_go_on)
        self.addCleanup(os.close, go_on)
        with (StopSignals(), mock.patch.object(os, "setsid", lambda: os.read(may_go_on, 1))):
            begun = supervisor.Supervisor(job, "")
            self.addCleanup(kill_and_bury, begun.process)
            for number in supervisor.AT_ONCE:
                os.kill(begun.process, number)
            os.write(go_on, b"!")
        ended = []
        wait_until(lambda: ended.append(os.waitpid(begun.process, os.WNOHANG)) or ended[-1][0])
        self.assertEqual(os.waitstatus_to_exitcode(ended[-1][1]), 7)


def kill_and_bury(process):
    """A child that may have been waited for."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(process, os.WNOHANG)[0] == 0:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


class LogTailTest(FakeFleetTest):
    def test_the_last_lines_of_any_file(self):
        path = self.path / "log"
        for text in (b"", b"\n", b"one", b"one\n", b"one\ntwo", b"one\ntwo\n", b"\n\n\n",
                     b"x" * (1 << 17) + b"\n" + b"y\n" * (1 << 16), b"z" * (1 << 17)):
            path.write_bytes(text)
            for count in (0, 1, 2, 3, 70000):
                tail = LogTail(path, count)
                last = text.splitlines(keepends=True)[-count:] if count else []
                self.assertEqual(tail.read(), b"".join(last), (text[:20], count))
                tail.close()


if __name__ == "__main__":
    unittest.main()
