#!/usr/bin/env python3
"""The law of the repository as a test: what may include what, and how code must look.

Each rule is a function from a Tree to findings, listed in RULES; tests/tidy_test.py holds a failing
sample of each, so that no rule can rot. There is no list of exceptions: a finding is fixed, or the
rule is changed for everybody. Rules see C++ with comments and strings blanked out, so that prose
about a banned name is fine.

Usage: tests/tidy.py [ROOT]     exit 0: clean; 1: one line per finding, FILE:LINE: RULE: what to do
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

from tidy_figures import figures_of
from tidy_python import check_python, check_python_arrows, check_python_circles
from tidy_rooms import (PRODUCT, check_arrows, check_circles, check_declarations, check_doors,
                        check_folders, check_layout, check_machines, check_silent_rules, matches)
from tidy_source import (FILE_LINES_MAX, FUNCTION_LINES_MAX, PRODUCT_FILE_LINES_MAX,
                         PRODUCT_FUNCTION_LINES_MAX, Finding, Tree, functions_of, parameters_in)

LINE_COLUMNS_MAX = 100
PARAMETERS_MAX = 5
CLANG_FORMAT = 14  # the major version whose layout is ours

MAINS_AND_TESTS = ("*_main.cc", "tests/*", "bench/*")
# Name, pattern on blanked code, where it is fine, what to do instead.
BANNED = (
    ("getenv", r"\bgetenv\s*\(", MAINS_AND_TESTS + ("common/process/surroundings.cc",),
     "read the environment in main and hand it in"),
    ("now", r"::now\s*\(\)|\b(time|gettimeofday|clock_gettime)\s*\((?!\))", ("common/base/env.cc",),
     "take `Instant now` as a parameter, or MonotonicNow() in a driver"),
    ("random", r"\bs?rand(_r)?\s*\(|\brandom_device\b|\bmt19937|\b(uniform|normal)_\w*distribution",
     ("common/base/env.cc",), "take `Rng&` as a parameter: one seed is one history everywhere"),
    ("output", r"\bstd::(cout|cerr|clog)\b|(?<!\w)(std::)?(printf|puts)\s*\(", MAINS_AND_TESTS,
     "return a Status, or log; only mains write to the terminal"),
    ("exit", r"(?<![\w.>])(std::)?(exit|_exit|_Exit|quick_exit|abort)\s*\(",
     MAINS_AND_TESTS + ("common/base/status.cc", "common/base/out_of_memory.cc"),
     "return a Status; only mains end the process"),
    ("throw", r"\bthrow\b", (), "return a Status"),
    ("using-namespace", r"\busing\s+namespace\b", (), "name the things used"),
    ("frame-cast",
     r"\breinterpret_cast<\s*(const\s+)?(float|double|u?int(16|32|64)_t)\s*(const)?\s*\*",
     ("worker/data/dataset/dataset*.cc", "worker/compute/*", "tests/*", "bench/*"),
     "frames come at odd addresses: memcpy, or common/wire/codec.h"),
    ("string-view", r"\bstd::string_view\b", (),
     "this Abseil does not take it: absl::string_view or std::string"),
    ("salted-hash", r"\babsl::Hash(Of)?\b", (),
     "salted per process: XXH3 (common/job/shard_map.h)"),
    ("singleton", r"\bstatic\s+[\w:<>]+\s*[&*]\s*(Get|Instance|Singleton)\s*\(\s*\)", (),
     "no singletons: main wires, constructors take what they need"),
    ("scratch", r"\b(TempDir|temp_directory_path|mkdtemp|tmpnam)\s*\(",
     ("tests/scratch_folder.h", "common/*", "server/*", "worker/*", "bench/*"),
     "tests run side by side: ScratchFolder of tests/scratch_folder.h"),
    ("clock-sleep", r"\bsleep_(for|until)\s*\(|\bu?sleep\s*\(", MAINS_AND_TESTS,
     "wait on the endpoint or a condition with a deadline"),
)
# Exceptions of libraries are caught where they enter.
TRY_DOORS = ("common/wire/endpoint.cc", "common/wire/connections.cc", "common/wire/zap.cc",
             "common/job/job.cc", "common/job/fleet_section.cc", "worker/run_file/run_file.cc",
             "common/base/log.cc", "common/base/thread.cc", "common/base/out_of_memory.cc",
             "common/process/process.cc", "*_main.cc", "tests/*", "bench/*")
# Where a variable may live outside functions: the simulator's switch, and what signals reach.
GLOBAL_DOORS = ("tests/sim/mutation.h", "common/base/stop_signals.cc", "*_main.cc")
# Stands in for headers of NVIDIA's: their namespaces and parameter lists are not ours to choose.
STAND_INS = ("tests/cuda_emulator/*",)
BAD_NAME = "(Utils?|Helpers?|Manager|Common|Context)"
BAD_CLASS = re.compile(r"\b(?:class|struct)\s+(?:\w+\([^)]*\)\s+)?(\w*" + BAD_NAME + r")\b(?!\s*;)")
BAD_STEM = re.compile(r"(^|_)" + BAD_NAME.lower() + r"$")
RAW_ID = re.compile(r"\b(?:u?int(?:32|64)_t|size_t|int)\s+"
                    r"(key|clock|shard|life|generation)\s*[,)]")
DEAD_CODE = re.compile(r"^\s*//+\s*(return\b.*;|#include\b|(if|for|while) \(.*\{|\}|"
                       r"[\w.:>-]+\(.*\);|[\w:<>*& ]+ [+-]?= .*;)\s*$")
GLOBAL = re.compile(r"^(?!using|return|typedef|class|struct|enum|union|const\b|constexpr|"
                    r"(inline|static) const|extern|friend|namespace|template|static_assert|public|"
                    r"private|goto|break|case|default|else)"
                    r"((static|inline|thread_local)\s+)*[\w:]+(<.*>)?[*&\s]\s*\w+"
                    r"(\[\w*\])?(\s*=[^=(].*|\{.*\})?;")
# Text a reader of the repository cannot follow: the sources of design are its own documents.
# Papers that people name in capitals, capitalised documents, and folders of one machine.
PAPERS = ("design", "style", "plan", "notes", "issue", "field")
FOREIGN_POINTER = re.compile(r"\b(?:" + "|".join(PAPERS).upper() + r")\b|"
                             r"\b(?!README|ARCHITECTURE)[A-Z][A-Z_]{3,}\.md\b|"
                             r"(?<![\w.])/(?:home|mnt|opt|root|srv|work)/\w")
HEADING_POINTER = re.compile(r'ARCHITECTURE\.md,\s+(?:(?://|#)\s*)?"([^"]+)"')


# How C++ looks ---------------------------------------------------------------------------------


def check_banned(tree):
    for source in tree.cpp():
        for rule, pattern, allowed, advice in BANNED:
            if matches(source.path, allowed):
                continue
            for match in re.finditer(pattern, source.code):
                yield source.finding(source.line_of(match.start()), rule, advice)
        for match in re.finditer(r"\btry\s*\{", source.code):
            if not matches(source.path, TRY_DOORS):
                yield source.finding(source.line_of(match.start()), "try",
                                     "catch where the throwing library enters, or avoid throwing")


def check_names(tree):
    for source in tree.sources.values():
        if (source.cpp or source.python) and BAD_STEM.search(source.stem.lower()):
            yield source.finding(1, "names", "name the file after the thing that is in it")
    for source in tree.cpp():
        for match in BAD_CLASS.finditer(source.code):
            yield source.finding(source.line_of(match.start()), "names",
                                 f"{match.group(1)}: say what it is, not that it helps")
        for match in re.finditer(r"^namespace\s+([\w:]+)\s*\{", source.code, re.MULTILINE):
            inner = (source.room in ("tests", "bench") and match.group(1).startswith("rubato::")
                     or matches(source.path, STAND_INS))
            if match.group(1) not in ("rubato", "HWY_NAMESPACE") and not inner:  # Highway's
                yield source.finding(source.line_of(match.start()), "names",
                                     "one namespace: rubato, and anonymous ones inside it")
    for source in tree.cpp(("common", "server", "worker")):
        if source.path.startswith(("worker/data/", "worker/compute/", "worker/spec/")):
            continue  # data and models compute with keys; ids begin where messages do
        for match in RAW_ID.finditer(source.code):
            yield source.finding(source.line_of(match.start()), "raw-id",
                                 f"a raw integer called {match.group(1)}: use common/base/ids.h")


def check_headers(tree):
    for source in tree.cpp():
        if source.path.endswith((".h", ".cuh")):
            if not re.search(r"^#pragma once$", source.code, re.MULTILINE):
                yield source.finding(1, "pragma-once", "start with #pragma once")
            guard = re.search(r"^#ifndef \w+_H_*$", source.code, re.MULTILINE)
            if guard:
                yield source.finding(source.line_of(guard.start()), "pragma-once",
                                     "#pragma once instead of an include guard")
            if not source.text.startswith("//"):
                yield source.finding(1, "essay", "open the header with what it is and promises")
        own = re.sub(r"\.(cc|cu)$", ".h", source.path)
        if own != source.path and own in tree.sources:
            line, name, _ = (source.includes or [(1, "", "")])[0]
            if name != own:
                yield source.finding(line, "own-header", f'include "{own}" first')


def check_comments(tree):
    for source in tree.cpp():
        for number, line in enumerate(source.lines, 1):
            if DEAD_CODE.match(line):
                yield source.finding(number, "dead-code", "git remembers it: delete it")


def check_globals(tree):
    for source in tree.cpp(PRODUCT):
        if matches(source.path, GLOBAL_DOORS):
            continue
        for number, line in enumerate(source.code.split("\n"), 1):
            if GLOBAL.match(line):
                yield source.finding(number, "globals", "no mutable state at namespace scope")


# Sizes -----------------------------------------------------------------------------------------


def check_sizes(tree):
    for source in tree.sources.values():
        cmake = source.path.endswith(("CMakeLists.txt", ".cmake", ".fbs"))
        if not (source.cpp or source.python or source.bash or cmake):
            continue
        count = source.text.count("\n")
        product = source.room in (*PRODUCT, "launch")
        if count > (PRODUCT_FILE_LINES_MAX if product else FILE_LINES_MAX):
            yield source.finding(count, "file-size", f"{count} lines: cut it by what it is about")
        for number, line in enumerate(source.lines, 1):
            if len(line) > LINE_COLUMNS_MAX:
                yield source.finding(number, "line-length", f"{len(line)} columns: break the line")


def check_functions(tree):
    for source in tree.cpp():
        for body in functions_of(source):
            lines = body.last - body.first + 1
            most = PRODUCT_FUNCTION_LINES_MAX if source.room in PRODUCT else FUNCTION_LINES_MAX
            if lines > most:
                yield source.finding(body.first, "function-size", f"{lines} lines: cut it by step")
            count = parameters_in(body.header)
            if count > PARAMETERS_MAX and not matches(source.path, STAND_INS):
                yield source.finding(body.first, "parameters", f"{count} parameters: group them "
                                     "into a struct with designated initialisers")


# Scripts and documents -------------------------------------------------------------------------


def check_bash(tree):
    for source in tree.sources.values():
        if source.text.startswith("#!") and not os.access(tree.root / source.path, os.X_OK):
            yield source.finding(1, "scripts", "chmod +x, or drop the #! line")
        if not source.bash:
            continue
        parsed = subprocess.run(["bash", "-n", source.path], cwd=tree.root, capture_output=True,
                                text=True, check=False)
        if parsed.returncode != 0:
            yield source.finding(1, "scripts", f"bash -n: {parsed.stderr.strip().splitlines()[0]}")
        if "set -euo pipefail" not in source.text:
            yield source.finding(1, "scripts", "begin with set -euo pipefail")


def check_documents(tree):
    architecture = tree.sources.get("ARCHITECTURE.md")
    headings = {re.sub(r"^#+\s*", "", line).strip() for line in architecture.lines
                if line.startswith("#")} if architecture else None
    for source in tree.sources.values():
        if source.stem in ("tidy", "tidy_test"):
            continue
        for match in re.finditer(r"\b(TODO|FIXME)\b", source.text):
            yield source.finding(source.line_of(match.start()), "todo", "do it, or drop it")
        for match in FOREIGN_POINTER.finditer(source.text):
            yield source.finding(source.line_of(match.start()), "pointers", f"{match.group()} is "
                                 'not in this repository: ARCHITECTURE.md, "Heading"')
        for match in HEADING_POINTER.finditer(source.text):
            if headings is not None and match.group(1) not in headings:
                yield source.finding(source.line_of(match.start()), "pointers",
                                     f'ARCHITECTURE.md has no heading "{match.group(1)}"')
        if source.path.endswith(".md"):
            yield from _check_links(tree, source)


def _check_links(tree, source):
    for match in re.finditer(r"\]\((?!\w+:|#)([^)#\s]+)|\bsrc=\"(?!\w+:)([^\"]+)\"", source.text):
        target = match.group(1) or match.group(2)
        if not (tree.root / source.path).parent.joinpath(target).exists():
            yield source.finding(source.line_of(match.start()), "links", f"no file {target}")


def check_whitespace(tree):
    for source in tree.sources.values():
        if source.text and not source.text.endswith("\n"):
            yield source.finding(len(source.lines), "whitespace", "end the file with a newline")
        for number, line in enumerate(source.lines, 1):
            if line != line.rstrip() or "\t" in line:
                yield source.finding(number, "whitespace", "no tabs, no blanks at the line's end")


def clang_format_is_ours():
    """Each major version lays out some lines in its own way: only one can be the law."""
    if not shutil.which("clang-format"):
        return False
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True).stdout
    return f"version {CLANG_FORMAT}." in version


def check_format(tree):
    paths = [source.path for source in tree.cpp()]
    if not paths:
        return
    if not clang_format_is_ours():
        print(f"tidy: clang-format {CLANG_FORMAT} is not installed: the format was not checked",
              file=sys.stderr)
        return
    jobs = max(1, min(8, len(paths) // 8))
    running = [subprocess.Popen(["clang-format", "--dry-run", "-Werror", *paths[i::jobs]],
                                cwd=tree.root, stderr=subprocess.PIPE, text=True)
               for i in range(jobs)]
    seen = set()
    for process in running:
        for line in process.communicate()[1].splitlines():
            match = re.match(r"(.+?):(\d+):\d+: error: ", line)
            if match and match.group(1) not in seen:
                seen.add(match.group(1))
                yield Finding(match.group(1), int(match.group(2)), "format",
                              f"clang-format -i {match.group(1)}")


RULES = (check_layout, check_folders, check_arrows, check_circles, check_doors, check_machines,
         check_declarations, check_banned, check_names, check_headers, check_comments,
         check_globals, check_sizes, check_functions, check_python, check_python_arrows,
         check_python_circles, check_bash, check_documents, check_whitespace, check_format)
# Patterns of paths that rules have, which must match some file of the repository.
PATTERNS = tuple(dict.fromkeys(glob for globs in (
    *(allowed for _, _, allowed, _ in BANNED), TRY_DOORS, GLOBAL_DOORS, STAND_INS)
    for glob in globs))


def findings_of(root):
    tree = Tree(root)
    findings = [finding for rule in RULES for finding in rule(tree)]
    return sorted([*findings, *check_silent_rules(tree, PATTERNS)]), tree


def main(arguments):
    root = arguments[0] if arguments else pathlib.Path(__file__).resolve().parent.parent
    findings, tree = findings_of(root)
    for finding in findings:
        print(finding)
    print(*figures_of(tree), sep="\n")
    print(f"{len(tree.sources)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
