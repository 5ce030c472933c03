#!/usr/bin/env python3
"""What `launch/rubato` leaves behind when it is started as users do: nothing beside itself."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

LAUNCH = pathlib.Path(__file__).resolve().parents[2] / "launch"


class FrontDoorTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="front-door-")
        self.addCleanup(scratch.cleanup)
        self.home = pathlib.Path(scratch.name)

    def start(self, **environment):
        kept = {name: value for name, value in os.environ.items()
                if name not in ("HOME", "PYTHONDONTWRITEBYTECODE", "XDG_CACHE_HOME")}
        subprocess.run([sys.executable, LAUNCH / "rubato", "--version"], check=True,
                       env={**kept, **environment}, stdout=subprocess.DEVNULL, cwd=self.home)
        beside = [path for path in LAUNCH.rglob("__pycache__") if path.is_dir()]
        self.assertEqual(beside, [])

    def test_compiled_modules_go_to_the_users_cache(self):
        self.start(HOME=str(self.home))
        compiled = list((self.home / ".cache" / "rubato" / "bytecode").rglob("main.*.pyc"))
        self.assertNotEqual(compiled, [])

    def test_a_cache_of_ones_choice(self):
        self.start(HOME=str(self.home), XDG_CACHE_HOME=str(self.home / "mine"))
        self.assertEqual([path.name for path in self.home.iterdir()], ["mine"])

    def test_without_a_home_nothing_is_left(self):
        self.start(HOME="nowhere")
        self.assertEqual(list(self.home.iterdir()), [])

    def test_a_home_that_nobody_may_write_to_is_no_hindrance(self):
        self.start(HOME="/proc/self")


if __name__ == "__main__":
    unittest.main()
