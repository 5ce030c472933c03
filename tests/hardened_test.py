#!/usr/bin/env python3
"""What users run is built hard to abuse (CMakeLists.txt): its ELF says so."""

import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(os.environ.get("RUBATO_BIN", ROOT / "build" / "release" / "bin"))


def is_release():
    cache = BIN.parent / "CMakeCache.txt"
    return cache.exists() and "CMAKE_BUILD_TYPE:STRING=Release\n" in cache.read_text()


def elf(file, *what):
    return subprocess.run(["readelf", "--wide", *what, file], check=True, capture_output=True,
                          text=True).stdout


@unittest.skipUnless(is_release(), f"{BIN} is no release build: others are not hardened")
class HardenedTest(unittest.TestCase):
    def programs(self):
        found = sorted(path for path in BIN.glob("rubato-*") if "bench" not in path.name)
        self.assertGreaterEqual(len(found), 7)
        return found

    def libraries(self):
        return sorted(BIN.parent.glob("librubato_cuda*.so"))

    def test_addresses_are_read_only_before_main_and_no_stack_is_code(self):
        for file in (*self.programs(), *self.libraries()):
            with self.subTest(file.name):
                segments, dynamic = elf(file, "--segments"), elf(file, "--dynamic")
                self.assertIn("GNU_RELRO", segments)
                self.assertRegex(segments, r"GNU_STACK\s.*\sRW\s")
                self.assertRegex(dynamic, r"\(FLAGS_1\).*\bNOW\b")

    def test_programs_lie_at_an_address_of_chance(self):
        for file in self.programs():
            with self.subTest(file.name):
                self.assertRegex(elf(file, "--file-header"), r"Type:\s+DYN")
                self.assertRegex(elf(file, "--dynamic"), r"\(FLAGS_1\).*\bPIE\b")

    def test_stacks_have_canaries_and_calls_of_the_c_library_are_checked(self):
        for file in (*self.programs(), *self.libraries()):
            with self.subTest(file.name):
                symbols = elf(file, "--dyn-syms")
                self.assertIn("__stack_chk_fail", symbols)
                self.assertTrue(re.search(r"__\w+_chk@", symbols), "no call is checked")


if __name__ == "__main__":
    unittest.main()
