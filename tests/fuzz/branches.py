#!/usr/bin/env python3
"""Which branches of its decoders a fuzz target takes.

    branches.py TARGET PROFILE            what share of them the run that wrote PROFILE has taken
    branches.py TARGET --smallest IN OUT  inputs of folder IN, the shortest first, each of which
                                          takes one that those before it do not, are copied to OUT

TARGET is a program of tests/fuzz/run, which calls this.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FUZZ = pathlib.Path(__file__).resolve().parent


def decoders(target):
    """The files that the target's source names in its line "// Decoders:"."""
    source = (FUZZ / f"{target.name}.cc").read_text()
    return re.search(r"^// Decoders: (.*)$", source, re.MULTILINE).group(1).split()


def files_of(target, profile, *more):
    """By name, what llvm-cov says of each decoder."""
    with tempfile.NamedTemporaryFile() as merged:
        subprocess.run(["llvm-profdata-14", "merge", "-o", merged.name, profile], check=True)
        export = subprocess.run(["llvm-cov-14", "export", *more, "-instr-profile", merged.name,
                                 target], check=True, capture_output=True)
    named = decoders(target)
    files = json.loads(export.stdout)["data"][0]["files"]
    return {name: file for file in files if (name := os.path.relpath(file["filename"])) in named}


def share(target, profile):
    files = files_of(target, profile, "-summary-only")
    return ", ".join("{percent:.1f} % of {count} branches of {}".format(
        name, **file["summary"]["branches"]) for name, file in files.items())


def taken(target, given):
    """The branches that one input takes: (file, place, which way)."""
    with tempfile.NamedTemporaryFile() as profile:
        subprocess.run([target, given], check=True, stderr=subprocess.DEVNULL,
                       env={**os.environ, "LLVM_PROFILE_FILE": profile.name})
        files = files_of(target, profile.name)
    return {(name, *branch[:4], way) for name, file in files.items()
            for branch in file["branches"] for way in (4, 5) if branch[way] > 0}


def keep_smallest(target, candidates, kept):
    seen = set()
    for given in sorted(candidates.iterdir(), key=lambda path: (path.stat().st_size, path.name)):
        if new := taken(target, given) - seen:
            seen |= new
            shutil.copy(given, kept)


def main():
    target = pathlib.Path(sys.argv[1])
    if sys.argv[2] == "--smallest":
        keep_smallest(target, pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4]))
    else:
        print(share(target, sys.argv[2]))


if __name__ == "__main__":
    main()
