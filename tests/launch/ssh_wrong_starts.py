#!/usr/bin/env python3
"""Starts over ssh that cannot work: for each the seconds until it is said, and what is said, which
has to be within 15 seconds, and to name the host and what helps. By hand, as root, as the seconds
are the machine's: RUBATO_BIN=build/release/bin python3 -B tests/launch/ssh_wrong_starts.py"""

import re
import shutil
import subprocess
import time
import unittest

from real_fleet import BIN, ROOT
from ssh_fleet import SshFleetTest

SECONDS = 15.0


class SshWrongStarts(SshFleetTest):
    def said(self, what, words, *settings, out=None, resume=False):
        """Starts, waits for `words` on stderr, and prints when they came, and the line."""
        read = []
        began = time.monotonic()
        command = self.start(out or self.disk / "run", *settings, resume=resume)
        for line in iter(command.process.stderr.readline, ""):
            read.append(line)
            if re.search(words, line):
                break
        else:
            self.fail(f"{what}: ended with {command.process.wait()}, and said nothing of it: "
                      f"{''.join(read)}")
        seconds = time.monotonic() - began
        command.process.terminate()
        command.end()
        print(f"{what}: {seconds:.1f} s: {line.strip()}", flush=True)
        self.assertLess(seconds, SECONDS)

    def configure(self, name, line):
        """Of ssh, for one host."""
        config = self.hosts.folder / "ssh_config"
        config.write_text(f"Host {name}\n  {line}\n" + config.read_text())

    def test_host_down(self):
        self.hosts.unplug("two")
        self.said("host down", "^  two: .*is the host up, and its sshd reachable")

    def test_closed_ssh_port(self):
        self.configure("two", "Port 23")
        self.said("no sshd at its port", "^  two: .*no sshd listens there: start it")

    def test_firewall(self):
        """The scheduler is there, and its host drops what comes to it but ssh."""
        self.hosts.do("one", "nft", "add table inet wall; add chain inet wall in "
                      "{ type filter hook input priority 0; }; "
                      "add rule inet wall in iifname != lo tcp dport != 22 ct state new drop")
        self.said("a firewall that drops", "scheduler does not answer at .*: nobody answers there; "
                  "start it, or open its port to this host")

    def test_ssh_key(self):
        self.configure("two", "PubkeyAuthentication no")
        self.said("key of ssh that is not taken", "^  two: .*give ssh a key that the host takes")

    def test_other_version(self):
        other = self.path / "other"
        other.mkdir()
        shutil.copytree(ROOT / "launch", other / "launch")
        (other / "CMakeLists.txt").write_text("project(rubato VERSION 9.9.9)\n")
        self.write_hosts(two=f"slots=2 path={other}")
        self.said("other version", "^  two: .*install the same on both")

    def test_other_data(self):
        book = self.path / "book.csv"
        self.hosts.do("two", "sh", "-c", f"sed '$d' {book} >/run/book.csv; "
                      f"mount --bind /run/book.csv {book}")
        self.said("other data", "^  two: .*prepare both from the same data")

    def test_key_of_another_fleet(self):
        out = self.shared / "keys-run"
        self.train_well(out, "data.shared=true")
        subprocess.run([BIN / "rubato-keys", "make", self.path / "others"], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.copy(self.path / "others" / "server.key", out / "keys" / "server.key")
        self.said("key of another fleet",
                  "server-. .*allowed does not have the public key of .*log is (one|two):",
                  "data.shared=true", "train.epochs=3", out=out, resume=True)


if __name__ == "__main__":
    unittest.main()
