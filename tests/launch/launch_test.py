#!/usr/bin/env python3
"""The launcher against fake executables: order, failures, signals, and nothing left behind."""

import fcntl
import json
import os
import pathlib
import signal
import sys
import tempfile
import time
import unittest
from unittest import mock

from fake_fleet import ROOT, FakeFleetTest
from processes import DEADLINE_SECONDS, read_until

sys.path.insert(0, str(ROOT / "launch"))

from rubato_cli.base.failure import Failure  # noqa: E402
from rubato_cli.files.run_folder import RunFolder  # noqa: E402
from rubato_cli.fleet.sockets import SocketFolder  # noqa: E402


class TrainTest(FakeFleetTest):
    def test_writes_metrics_from_all_processes(self):
        code, stdout, stderr = self.train()
        self.assertEqual(code, 0, stderr)
        self.assertIn("0.7500", (self.out / "report.html").read_text())
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(metrics["test"]["auc"], 0.75)
        self.assertEqual(metrics["oracle"]["auc"], 0.8)
        self.assertEqual(metrics["train"], {
            "seconds": 2.0, "rows": 200, "samples_per_second": 100.0, "clock": 20,
            "resumed_from_clock": 0, "epoch_used": 2, "snapshot_used": None,
            "workers": [{"clock": 0, "workers": 2}]})
        self.assertEqual(metrics["validation"], {"auc": 0.7, "logloss": 0.4})
        self.assertEqual(metrics["run"]["data_sha256"], "00ff")
        self.assertEqual(metrics["run"]["seed"], 7)
        self.assertEqual(metrics["staleness"], {"bound": 4, "max_observed": 3})
        self.assertEqual(metrics["updates"], {"lost": 0, "duplicates_refused": 4})
        self.assertEqual([shard["place"] for shard in metrics["shards"]], [0, 1, 2, 3])
        self.assertEqual([worker["pushes"] for worker in metrics["workers"]], [20, 20])
        self.assertGreater(metrics["processes"][0]["peak_memory_bytes"], 0)
        self.assertIn("test AUC 0.7500 [0.7000, 0.8000]", stdout)
        self.assertIn("best possible AUC 0.8000", stdout)
        self.assertIn("using RUBATO_BIN=", stderr)

    def test_keeps_events_and_logs_of_each_process_and_no_sockets(self):
        self.assertEqual(self.train()[0], 0)
        for name in ("scheduler-0", "server-1", "worker-0", "serve-evaluate-0"):
            self.assertTrue((self.out / "telemetry" / f"{name}.jsonl").exists(), name)
        self.assertIn("rows: 30 read", (self.out / "logs" / "prepare-0.log").read_text())
        self.assertIn("worker-0 lives", (self.out / "logs" / "worker-0.log").read_text())
        arguments = json.loads((self.out / "marks" / "scheduler-arguments").read_text())
        address = arguments[arguments.index("--listen") + 1]
        self.assertTrue(address.startswith("ipc:///tmp/rubato-"))
        self.assertFalse(pathlib.Path(address.removeprefix("ipc://")).parent.exists())
        self.assert_nobody_left()

    def test_tcp_is_loopback_with_any_port(self):
        self.assertEqual(self.train(transport="tcp")[0], 0)
        arguments = (self.out / "marks" / "scheduler-arguments").read_text()
        self.assertIn("tcp://127.0.0.1:0", arguments)

    def test_best_epoch_is_evaluated_from_its_own_snapshot(self):
        self.assertEqual(self.train(best_epoch=True)[0], 0)
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(metrics["train"]["epoch_used"], 1)
        self.assertEqual(metrics["validation"], {"auc": 0.8, "logloss": 0.3})
        arguments = json.loads((self.out / "marks" / "serve-scheduler-arguments").read_text())
        self.assertEqual(arguments[-2:], ["--snapshot", "1"])

    def test_an_epoch_that_nobody_validated_is_validated_from_its_snapshot(self):
        code, _, stderr = self.train(best_epoch=True, fates={"worker-0": "miss"})
        self.assertEqual(code, 0, stderr)
        self.assertIn("epoch 1: nobody has validated it; validating its snapshot 1\n", stderr)
        made = json.loads((self.out / "validations.json").read_text())["validations"]
        self.assertEqual(made[0]["clock"], made[1]["clock"] // 2)
        self.assertEqual(made[0]["figures"], {"auc": 0.85, "logloss": 0.25})
        self.assertEqual([event["epoch"] for event in made], [0, 1])
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(metrics["train"]["epoch_used"], 1)
        self.assertEqual(metrics["validation"], {"auc": 0.85, "logloss": 0.25, "rows": 10})

    def test_json_and_quiet(self):
        code, stdout, _ = self.train("--json")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(stdout)["test"]["rows"], 1000)
        code, stdout, _ = self.train("--json")
        self.assertEqual(json.loads(stdout)["exit_code"], code)
        code, stdout, stderr = self.rubato("train", self.write_run(), "--out", "b", "--quiet")
        self.assertEqual((code, stdout, stderr), (0, "", ""))

    def test_refusals_of_prepare_are_the_sentence_and_change_nothing(self):
        self.out.mkdir()
        (self.out / "mine.txt").write_text("earlier")
        code, _, stderr = self.train()
        self.assertEqual(code, 2)
        self.assertEqual(stderr.splitlines()[-1],
                         f"rubato: {self.out}: is there already and not empty; choose another "
                         "--out")
        self.assertEqual([path.name for path in self.out.iterdir()], ["mine.txt"])
        code, _, stderr = self.rubato("train", self.write_run(), "--out", "c", "--set", "a.b=1")
        self.assertEqual(code, 2)
        self.assertIn("unknown key 'a.b'", stderr)

    def test_resume(self):
        self.assertEqual(self.train(fates={"worker-0": "kill"})[0], 3)
        for mark in (self.out / "marks").glob("*"):
            mark.unlink()
        code, _, stderr = self.train("--resume")
        self.assertEqual(code, 0, stderr)
        self.assertIn("resumed from clock 8", stderr)
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(metrics["train"]["resumed_from_clock"], 8)
        (self.out / "report.html").unlink()
        code, stdout, _ = self.train("--resume")
        self.assertEqual(code, 0)
        self.assertIn("this run is finished", stdout)
        self.assertTrue((self.out / "report.html").exists())

    def test_a_worker_that_missed_its_goodbye_does_not_hold_a_committed_run(self):
        code, _, stderr = self.train(fates={"worker-1": "stay"})
        self.assertEqual(code, 0, stderr)
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(len(metrics["workers"]), 2)
        self.assert_nobody_left()

    def test_a_run_that_died_after_its_last_commit_is_only_evaluated(self):
        self.assertEqual(self.train()[0], 0)
        (self.out / "metrics.json").unlink()
        for mark in (self.out / "marks").glob("pid-*"):
            mark.unlink()
        code, stdout, stderr = self.train("--resume")
        self.assertEqual(code, 0, stderr)
        self.assertIn("nothing was left to train after clock 20\ntest AUC 0.7500", stdout)
        self.assertEqual(sorted(path.name for path in (self.out / "marks").glob("pid-*")), [
            "pid-evaluate", "pid-serve-scheduler", "pid-server-0", "pid-server-1"])
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(metrics["train"]["clock"], 20)
        self.assertEqual(metrics["train"]["resumed_from_clock"], 20)
        self.assertEqual(metrics["validation"], {"auc": 0.7, "logloss": 0.4})


class FailureTest(FakeFleetTest):
    def test_a_killed_process_is_named_with_its_log(self):
        code, _, stderr = self.train(fates={"worker-1": "kill"})
        self.assertEqual(code, 3)
        self.assertEqual(stderr.splitlines()[-1],
                         "rubato: worker-1 was killed by signal 9 (SIGKILL), as the kernel does "
                         "when memory runs out (then `dmesg` says so); its log is "
                         "out/logs/worker-1.log")
        self.assertFalse((self.out / "metrics.json").exists())
        self.assert_nobody_left()

    def test_a_process_that_a_library_ended_for_want_of_memory(self):
        code, _, stderr = self.train(fates={"server-1": "abort"})
        self.assertEqual(code, 4)
        self.assertEqual(stderr.splitlines()[-1],
                         "rubato: server-1 was killed by signal 6 (SIGABRT): FATAL ERROR: OUT OF "
                         "MEMORY (src/socket.cpp:12); out of memory or of threads: raise the "
                         "limits (ulimit -v, ulimit -u); its log is out/logs/server-1.log")
        self.assert_nobody_left()

    def test_a_program_that_there_is_no_memory_to_load(self):
        (self.path / "bin" / "rubato-data").write_text(
            "#!/bin/sh\necho 'rubato-data: error while loading shared libraries: libx.so: failed "
            "to map segment from shared object' >&2\nexit 127\n")
        code, _, stderr = self.train()
        self.assertEqual(code, 4)
        self.assertIn("there is not enough memory to load it", stderr.splitlines()[-1])

    def test_a_column_that_is_called_after_a_want_of_memory(self):
        (self.path / "bin" / "rubato-data").write_text(
            "#!/bin/sh\necho \"rubato-data: x.csv: no column 'out of memory'\" >&2\nexit 2\n")
        code, _, stderr = self.train()
        self.assertEqual((code, stderr.splitlines()[-1]),
                         (2, "rubato: x.csv: no column 'out of memory'"))

    def test_a_scheduler_that_dies_before_it_says_what_is_committed(self):
        self.assertEqual(self.train()[0], 0)
        for script, wanted, part in (
                ("kill -9 $$", 3, "--committed was killed by signal 9 (SIGKILL)"),
                ("echo 'rubato-scheduler: error while loading shared libraries: libx.so: failed "
                 "to map segment from shared object' >&2; exit 127", 4,
                 "there is not enough memory to load it, raise the limit (ulimit -v)"),
                ("exit 0", 4, "did not answer; build again")):
            (self.path / "bin" / "rubato-scheduler").write_text(f"#!/bin/sh\n{script}\n")
            code, _, stderr = self.train("--resume")
            self.assertEqual(code, wanted, stderr)
            self.assertIn(part, stderr.splitlines()[-1])

    def test_no_sentence_names_a_log_that_is_gone(self):
        tool = self.path / "bin" / "rubato-data"
        shell, exec_ = tool.read_text().splitlines()
        tool.write_text(f"{shell}\n[ $1 = config ] || kill -9 $$\n{exec_}\n")
        code, _, stderr = self.train()
        self.assertEqual(code, 3)
        self.assertIn("prepare-0 was killed by signal 9", stderr.splitlines()[-1])
        self.assertNotIn("its log is", stderr)

    def test_who_lost_its_peer_is_not_blamed(self):
        code, _, stderr = self.train(
            fates={"server-0": "kill", "worker-0": "lose", "worker-1": "lose"})
        self.assertEqual(code, 3)
        self.assertIn("rubato: server-0 was killed by signal 9", stderr)
        self.assert_nobody_left()

    def test_fatal_errors_keep_their_code_and_reason(self):
        code, _, stderr = self.train(fates={"worker-0": "error4"})
        self.assertEqual(code, 4)
        self.assertIn("worker-0 ended with exit code 4: labels are all the same in train.rbd; "
                      "check data.label; its log is out/logs/worker-0.log", stderr)
        self.assert_nobody_left()

    def test_without_an_error_event_the_log_speaks(self):
        code, _, stderr = self.train(fates={"scheduler": "silent"})
        self.assertEqual(code, 3)
        self.assertIn("scheduler-0 ended with exit code 1: something went wrong in the engine",
                      stderr)
        self.assert_nobody_left()

    def test_missing_executables(self):
        (self.path / "bin" / "rubato-server").unlink()
        code, _, stderr = self.train()
        self.assertEqual(code, 2)
        self.assertIn("has no rubato-server", stderr)


class SignalTest(FakeFleetTest):
    def test_one_signal_waits_for_the_commit(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                self.out = self.path / "out"
                process = self.start_slow()
                process.send_signal(number)
                _, stderr = process.communicate(timeout=DEADLINE_SECONDS)
                self.assertEqual(process.returncode, 75, stderr)
                self.assertIn("stopped with a snapshot at clock 20", stderr)
                self.assert_nobody_left()
                self.out.rename(self.path / f"was-{number}")

    def test_a_second_signal_stops_at_once(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number=number):
                process = self.start_slow(fates={"scheduler": "slow"})
                process.send_signal(number)
                read_until("stopping", process.stderr)
                process.send_signal(number)
                process.communicate(timeout=DEADLINE_SECONDS)
                self.assertEqual(process.returncode, code)
                self.assert_nobody_left()
                self.out.rename(self.path / f"was-{number}")

    def test_nothing_survives_a_killed_launcher(self):
        process = self.start_slow()
        process.kill()
        process.communicate()
        self.assert_nobody_left()

    def test_no_commit_after_the_signal(self):
        process = self.start_slow(fates={"scheduler": "slow"})
        process.send_signal(signal.SIGINT)
        read_until("stopping", process.stderr)
        os.kill(int((self.out / "marks" / "pid-server-0").read_text()), signal.SIGKILL)
        _, stderr = process.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual(process.returncode, 130)
        self.assertIn("no snapshot could be committed: server-0 was killed by signal 9", stderr)
        self.assert_nobody_left()

    def test_two_runs_at_once_do_not_clash_and_one_folder_is_for_one(self):
        first = self.start_slow()
        code, _, stderr = self.rubato("train", self.write_run(), "--out", "other")
        self.assertEqual(code, 0, stderr)
        code, stdout, _ = self.rubato("status", "out")
        self.assertIn(f"running (process {first.pid})", stdout)
        code, _, stderr = self.train("--resume")
        self.assertEqual(code, 2)
        self.assertIn(f"in use by another rubato (process {first.pid})", stderr)
        first.kill()
        first.communicate()
        self.assertIn("out: stopped, clock 0 of 20", self.rubato("status", "out")[1])


class LockTest(unittest.TestCase):
    def test_a_status_at_that_moment_keeps_nobody_out(self):
        with tempfile.TemporaryDirectory(prefix="launch-test-") as scratch, \
                open(f"{scratch}/.lock", "w+", encoding="utf-8") as status:
            fcntl.flock(status, fcntl.LOCK_SH)
            folder = RunFolder(scratch)
            with mock.patch.object(time, "sleep", lambda _: fcntl.flock(status, fcntl.LOCK_UN)):
                folder.lock()
            self.assertEqual(folder.owner(), os.getpid())


class CommandTest(FakeFleetTest):
    def test_predict_writes_whole_files_only(self):
        self.assertEqual(self.train()[0], 0)
        (self.path / "x.csv").write_text("x\n1\n")
        predict = ("predict", "--run", "out", "--in", "x.csv", "--out", "y.csv")
        code, stdout, stderr = self.rubato(*predict)
        self.assertEqual(code, 0, stderr)
        self.assertEqual((self.path / "y.csv").read_text(), "x,pd\n1,0.5\n")
        self.assertFalse(list((self.out / "logs").glob("predict-*")))
        config = json.loads((self.out / "config.json").read_text())
        config["fake"]["fates"]["predict"] = "error4"
        RunFolder(str(self.out)).write_json("config.json", config)
        (self.path / "y.csv").write_text("earlier")
        self.assertEqual(self.rubato(*predict)[0], 4)
        self.assertEqual((self.path / "y.csv").read_text(), "earlier")
        self.assertFalse(list(self.path.glob(".rubato-*")))
        code, _, stderr = self.rubato("predict", "--run", "out", "--in", "x.csv", "--out", "out")
        self.assertEqual(code, 2)
        self.assertIn("is a folder; name a file in it", stderr)
        (self.path / "link.csv").symlink_to("x.csv")
        code, _, stderr = self.rubato("predict", "--run", "out", "--in", "x.csv", "--out",
                                      "link.csv")
        self.assertEqual(code, 2)
        self.assertIn("link.csv is the file to score; choose another --out", stderr)
        code, _, stderr = self.rubato("predict", "--run", "out", "--in", "no", "--out", "y")
        self.assertEqual((code, stderr), (2, "rubato: there is no file no; check --in\n"))

    def test_status_of_a_finished_run(self):
        self.assertEqual(self.train()[0], 0)
        code, stdout, _ = self.rubato("status", "out", "--json")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(stdout), {
            "state": "finished", "process": None, "last_clock": 20, "min_clock": 20,
            "committed_clock": 20, "committed_seconds_ago": None,
            "quarantined": [], "rollbacks": [], "workers": [{"clock": 0, "workers": 2}],
            "ended": None})
        RunFolder(str(self.out)).write_json("job.json", {"last_clock": 40})
        self.assertIn("out: stopped, clock 20 of 40, committed to clock 20\ngo on with",
                      self.rubato("status", "out")[1])
        self.assertEqual(self.rubato("status", "nothing")[0], 2)

    def test_doctor_says_what_it_checked(self):
        code, stdout, _ = self.rubato("doctor", "--json")
        findings = {finding["what"]: finding for finding in json.loads(stdout)["findings"]}
        for what in ("python", "executables", "cores", "ipc", "tcp", "disk"):
            self.assertIn(what, findings)
        # The fakes take no --help, so they "do not start": that must show, and fail.
        self.assertEqual(findings["rubato-server"]["verdict"], "bad")
        self.assertEqual(code, 2)

    def test_a_bench_that_cannot_begin_leaves_nothing(self):
        code, _, stderr = self.rubato("bench", "staleness", self.write_run(), "--out", "out",
                                      "--set", "a.b=1")
        self.assertEqual(code, 2)
        self.assertIn("unknown key 'a.b'", stderr)
        self.assertFalse(self.out.exists())
        code, _, stderr = self.rubato("bench", "staleness", self.write_run(workers=1), "--out",
                                      "out")
        self.assertEqual(code, 2)
        self.assertIn("has 1 worker, and nobody to wait for", stderr)
        self.assertFalse(self.out.exists())

    def test_help_and_version(self):
        code, stdout, _ = self.rubato("--help")
        self.assertEqual(code, 0)
        for command in ("init", "train", "predict", "status", "doctor"):
            self.assertIn(command, stdout)
        self.assertRegex(self.rubato("--version")[1], r"^rubato \d+\.\d+\.\d+")
        self.assertEqual(self.rubato("trian")[0], 2)


class SharedThingsTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = scratch.name

    def test_socket_folders_of_the_dead_are_swept_away(self):
        dead = pathlib.Path(self.path) / "rubato-dead"
        dead.mkdir()
        (dead / "lock").touch()
        with SocketFolder(self.path) as first, SocketFolder(self.path) as second:
            self.assertTrue(first.path.exists())
            self.assertFalse(dead.exists())
            self.assertNotEqual(first.path, second.path)
            self.assertEqual(first.path.stat().st_mode & 0o777, 0o700)
        self.assertEqual(list(pathlib.Path(self.path).iterdir()), [])

    def test_socket_paths_fit(self):
        with SocketFolder(self.path) as folder, self.assertRaises(Failure):
            folder.ipc("x" * 108)

    def test_a_changed_byte_is_a_sentence(self):
        folder, path = RunFolder(self.path), pathlib.Path(self.path) / "config.json"
        folder.write_json("config.json", {"train": {"seed": 7, "name": "\u00e4"}})
        self.assertEqual(folder.read_json("config.json")["train"]["seed"], 7)
        written = path.read_bytes()
        for offset in range(len(written)):
            for change in (1, 0x20, 0x80):
                bad = bytearray(written)
                bad[offset] ^= change
                path.write_bytes(bad)
                with self.assertRaisesRegex(Failure, "config.json") as caught:
                    folder.read_json("config.json")
                self.assertEqual(caught.exception.code, 4)
        for bad in (b"", b"{", b"{}\n", written[:-1], written + b"\n"):
            path.write_bytes(bad)
            with self.assertRaisesRegex(Failure, "config.json: is not as it was written"):
                folder.read_json("config.json")


if __name__ == "__main__":
    unittest.main()
