#!/usr/bin/env python3
"""The agent of a host: what it starts, that nothing is lost when the connection breaks, and that
nothing is left when nobody asks for it any more. An ssh that leads to this host is enough."""

import os
import pathlib
import random
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "launch"))

from processes import alive, processes_that_name, wait_until  # noqa: E402
from rubato_cli.fleet.builds import PROGRAMS  # noqa: E402
from rubato_cli.fleet.remote.agent_folder import AgentFolder  # noqa: E402
from rubato_cli.fleet.remote.host_file import HostEntry  # noqa: E402
from rubato_cli.fleet.remote.ordered_link import OrderedLink  # noqa: E402
from rubato_cli.fleet.remote.remote_host import RemoteHost  # noqa: E402
from rubato_cli.fleet.remote.ssh import Ssh  # noqa: E402

FAKE = ROOT / "tests" / "launch" / "fake_ssh.py"
LONG = 60.0  # a lease that no test outlasts


class OrderedLinkTest(unittest.TestCase):
    def test_each_message_arrives_once_and_in_order_over_connections_that_break(self):
        chance = random.Random(13)
        left, right = OrderedLink(), OrderedLink()
        arrived = {left: [], right: []}
        for number in range(400):
            for link in (left, right):
                if chance.random() < 0.7:
                    link.send({"n": number})
            if chance.random() < 0.3:
                for link in (left, right):
                    link.disconnected()
                    link.connected()
            for sender, receiver in ((left, right), (right, left)):
                cut = chance.randrange(len(sender.out) + 1)
                arrived[receiver] += receiver.take(sender.out[:cut])
                sender.out = sender.out[cut:]
        for _ in range(4):
            for sender, receiver in ((left, right), (right, left)):
                data, sender.out = sender.out, b""
                arrived[receiver] += receiver.take(data)
        for link, other in ((left, right), (right, left)):
            numbers = [message["n"] for message in arrived[link]]
            self.assertEqual(len(numbers), other._sent)
            self.assertEqual(numbers, sorted(set(numbers)))
            self.assertTrue(link.all_delivered)

    def test_what_a_login_shell_prints_is_no_message(self):
        link = OrderedLink()
        link.connected()
        self.assertEqual(link.take(b'Welcome!\n{"received": 0}\n7\n'), [])
        self.assertTrue(link.is_up)
        self.assertEqual(link.noise, "Welcome!\n7\n")


class AgentTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="agent-test-")
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)
        for program in PROGRAMS:  # all of them are shells
            script = self.path / program
            script.write_text('#!/bin/sh\nexec /bin/sh "$@"\n')
            script.chmod(0o755)

    def host(self, lease=LONG, **entry):
        host = RemoteHost(HostEntry("node", "127.0.0.1", **entry),
                          Ssh(f"{sys.executable} -B {FAKE}", str(self.path)), lease)
        host.out = str(self.path)
        self.addCleanup(self.end, host)
        return host

    def end(self, host):
        host.end()
        self.until(host, lambda: host.ended)
        host.close()
        wait_until(lambda: not processes_that_name(host._session))

    def run_to_end(self, host, script):
        """(process, what it wrote)"""
        process = host.run("rubato-worker", ["-c", script], str(self.path / "log"))
        written = b""
        while not process.reap():
            host.look()
            written += process.read() or b""
        return process, written + (process.read() or b"")

    def until(self, host, condition):
        def looked():
            host.look()
            return condition()
        wait_until(looked)

    def test_what_a_process_writes_and_how_it_ends(self):
        host = self.host()
        process, written = self.run_to_end(host, "printf '\\377 one\\n'; echo sorry >&2; exit 4")
        self.assertEqual((process.exit_code, written), (4, b"\xff one\n"))
        self.assertEqual(process.last_words(), "sorry")
        self.assertGreater(process.peak_memory_bytes, 0)
        process, _ = self.run_to_end(host, "kill -9 $$")
        self.assertEqual(process.exit_code, -signal.SIGKILL)
        self.assertEqual(host.facts["cores"], len(os.sched_getaffinity(0)))

    def test_who_is_asked_to_stop_gets_the_end_of_its_stdin(self):
        host = self.host()
        asked = host.run("rubato-worker", ["-c", "cat; exit 75"])
        killed = host.run("rubato-worker", ["-c", "sleep 1000"])
        self.until(host, lambda: asked.pid and killed.pid)
        asked.stop()
        killed.kill()
        self.until(host, lambda: asked.reap() and killed.reap())
        self.assertEqual((asked.exit_code, killed.exit_code), (75, -signal.SIGKILL))

    def test_what_cannot_be_started_says_why(self):
        host = self.host()
        process = host.run("rubato-nothing", [])
        self.until(host, process.reap)
        self.assertIn("rubato-nothing", process.last_words())

    def test_nothing_is_lost_when_the_connection_breaks(self):
        host = self.host()
        process = host.run("rubato-worker", [
            "-c", "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); sleep 0.01; done"])
        written, breaks = b"", 0
        while not process.reap():
            host.look()
            written += process.read() or b""
            if len(written.splitlines()) > 50 * (breaks + 1) and host._process:
                os.kill(host._process.pid, signal.SIGKILL)
                breaks += 1
        written += process.read() or b""
        self.assertEqual(written.split(), [str(i).encode() for i in range(300)])
        self.assertGreater(breaks, 1)

    def test_nothing_is_left_when_the_launcher_is_gone_for_a_lease(self):
        host = self.host(lease=0.5)
        process = host.run("rubato-worker", ["-c", "echo; exec sleep 1000"])
        self.until(host, lambda: process.read())
        agents = processes_that_name(host._session)
        self.assertTrue(alive(process.pid))
        host._hang_up()
        wait_until(lambda: not any(map(alive, [process.pid, *agents])))
        self.assertEqual(list(pathlib.Path(tempfile.gettempdir()).glob(f"*{host._session}*")), [])

    def test_nothing_is_left_when_the_launcher_is_silent_for_a_lease(self):
        host = self.host(lease=0.5)
        process = host.run("rubato-worker", ["-c", "echo; exec sleep 1000"])
        self.until(host, lambda: process.read())
        wait_until(lambda: not alive(process.pid))

    def test_a_host_whose_agent_is_gone_is_lost_with_its_processes(self):
        host = self.host()
        process = host.run("rubato-worker", ["-c", "echo; exec sleep 1000"])
        self.until(host, lambda: process.read())
        for pid in processes_that_name(host._session):
            os.kill(pid, signal.SIGKILL)
        self.until(host, process.reap)
        self.assertEqual(process.lost, "was lost with its host node, which says: there is no agent "
                         "of this session any more")
        wait_until(lambda: not alive(process.pid))

    def test_a_connection_that_a_newer_one_replaced_is_no_lost_host(self):
        """Its agent closes it with what it has not read of it."""
        session = secrets.token_hex(8)
        folder = AgentFolder(session)
        folder.path.mkdir(mode=0o700)
        self.addCleanup(folder.remove)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder.socket))
            listener.listen()
            bridge = subprocess.Popen(
                [sys.executable, "-B", ROOT / "launch" / "rubato", "agent", "--session",
                 session], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(bridge.kill)
            agent, _ = listener.accept()
            bridge.stdin.write(b"unread\n")
            bridge.stdin.flush()
            select.select([agent], [], [])
            agent.close()
            _, stderr = bridge.communicate()
        self.assertEqual((bridge.returncode, stderr), (0, b""))

    def test_a_host_without_rubato(self):
        host = self.host(path="/nowhere")
        self.until(host, lambda: host.trouble)
        self.assertIn("/nowhere/launch/rubato is not there", host.trouble)
        self.assertEqual(host.facts, {})


if __name__ == "__main__":
    unittest.main()
