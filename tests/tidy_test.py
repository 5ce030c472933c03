#!/usr/bin/env python3
"""Every rule of tests/tidy.py against a sample that breaks it and a near miss that does not."""

import contextlib
import io
import pathlib
import re
import tempfile
import unittest

import tidy
import tidy_figures
import tidy_python
import tidy_rooms
import tidy_source

ESSAY = "// What it is.\n#pragma once\n"
LONG = "  x += 1;\n" * 60

# What each room of the samples sees.
ROOMS = """
rubato_room(common)
rubato_room(common/base)
rubato_room(common/wire SEES common/base)
rubato_room(common/job SEES common/base)
rubato_room(server/table SEES common/base)
rubato_room(server/shard SEES server/table
            LINK hwy::hwy)
rubato_room(server/snapshot SEES common/base)
rubato_room(server/scheduler SEES common/base)
rubato_room(server SEES server/shard)
rubato_room(worker/client SEES common/base)
rubato_room(worker/compute)
rubato_room(worker/train SEES common/base)
rubato_room(worker SEES worker/train)
"""

# rule -> [(path that is found, text of it that breaks the rule, or several files that do)]
BROKEN = {
    "layout": [("utils/x.cc", "int F();\n"), ("launch/x.cc", "int F();\n")],
    "arrows": [("common/base/x.cc", '#include "server/shard/shard.h"\n'),
               ("server/shard/x.cc", '#include "worker/train/trainer.h"\n'),
               ("server/table/x.cc", '#include "server/shard/shard.h"\n'),
               ("worker/train/x.cc", '#include "server/shard/shard.h"\n'),
               ("worker/train/x.cc", '#include "tests/sim.h"\n'),
               ("server/shard/x.cc", '#include "bench/load.h"\n'),
               ("server/shard/x.cc", '#include "shard.h"\n')],
    "circles": [("CMakeLists.txt", ROOMS + "rubato_room(common/base SEES common/wire)\n"),
                ("server/shard/a.h", {
                    "server/shard/a.h": ESSAY + '#include "server/shard/b.h"\n',
                    "server/shard/b.cc": '#include "server/shard/b.h"\n\n'
                                         '#include "server/shard/a.h"\n'})],
    "folder-size": [("server/table/x00.cc",
                     {f"server/table/x{i:02}.cc": "int F();\n" for i in range(26)})],
    "declared-twice": [("server/table/b.h", {
        "server/shard/a.h": ESSAY + "namespace rubato {\nstruct Held {};\n}\n",
        "server/table/b.h": ESSAY + "namespace rubato {\nint Held(int x);\n}\n"})],
    "silent-rule": [("tests/tidy_rooms.py", "X = 1\n")],
    "doors": [("server/x.cc", "#include <zmq.hpp>\n"), ("common/x.h", ESSAY + "#include <zmq.h>\n"),
              ("server/x.cc", "#include <rocksdb/db.h>\n"),
              ("server/shard/shard.cc", '#include "schemas/wire_generated.h"\n'),
              ("common/wire/message.h", ESSAY + "#include <flatbuffers/flatbuffers.h>\n"),
              ("worker/x.cc", "#include <toml++/toml.h>\n"),
              ("worker/x.cc", '#include "CLI/CLI.hpp"\n'),
              ("server/x.cc", "#include <spdlog/spdlog.h>\n"),
              ("common/job/job.h", ESSAY + "#include <nlohmann/json.hpp>\n"),
              ("common/x.cc", "#include <openssl/evp.h>\n"),
              ("worker/train/x.cc", "#include <cblas.h>\n"),
              ("worker/compute/x.cc", "#include <cuda_runtime.h>\n"),
              ("server/x.cc", "#include <zlib.h>\n"), ("server/x.cc", "#include <zstd.h>\n")],
    "machines": [("server/shard/shard.cc", "#include <thread>\n"),
                 ("server/scheduler/scheduler_view.h", ESSAY + "#include <chrono>\n"),
                 ("worker/client/ps_client.cc", '#include "common/base/mutex.h"\n'),
                 ("worker/client/row_cache.h", ESSAY + "#include <mutex>\n"),
                 ("server/table/sparse_table.cc", "#include <fstream>\n"),
                 ("server/shard/shard.cc", "void F() { G(MonotonicNow()); }\n")],
    "getenv": [("common/x.cc", 'auto x = std::getenv("HOME");\n')],
    "now": [("server/x.cc", "auto t = std::chrono::steady_clock::now();\n"),
            ("tests/x_test.cc", "auto t = time(nullptr);\n")],
    "random": [("server/x.cc", "int x = rand();\n"), ("tests/x_test.cc", "std::mt19937 rng(1);\n")],
    "output": [("worker/x.cc", "void F() { std::cout << 1; }\n"),
               ("worker/x.cc", 'void F() { printf("x"); }\n')],
    "exit": [("worker/x.cc", "void F() { std::exit(1); }\n")],
    "throw": [("worker/x.cc", "void F() { throw 1; }\n")],
    "try": [("worker/x.cc", "void F() {\n  try {\n    G();\n  } catch (...) {\n  }\n}\n")],
    "using-namespace": [("tests/x_test.cc", "using namespace std;\n")],
    "frame-cast": [("common/x.cc", "auto p = reinterpret_cast<const float*>(frame.data());\n")],
    "string-view": [("common/x.cc", "void F(std::string_view text);\n")],
    "salted-hash": [("common/x.cc", "auto h = absl::HashOf(key);\n")],
    "singleton": [("common/x.h", ESSAY + "struct A {\n  static A& Get();\n};\n")],
    "scratch": [("tests/x_test.cc", "auto path = testing::TempDir();\n")],
    "clock-sleep": [("worker/x.cc", "void F() { std::this_thread::sleep_for(d); }\n")],
    "names": [("server/row_utils.cc", "int F();\n"), ("launch/rubato_cli/helpers.py", "X = 1\n"),
              ("server/x.h", ESSAY + "class RowManager {};\n"),
              ("server/x.h", ESSAY + "namespace rubato::detail {}\n")],
    "raw-id": [("server/x.h", ESSAY + "void F(uint64_t key, float x);\n"),
               ("worker/x.h", ESSAY + "void F(int64_t clock);\n")],
    "pragma-once": [("server/x.h", "// What.\nint F();\n"),
                    ("server/x.h", ESSAY + "#ifndef SERVER_X_H_\n#endif\n")],
    "essay": [("server/x.h", "#pragma once\n")],
    "own-header": [("server/shard/shard.cc",
                    '#include <vector>\n#include "server/shard/shard.h"\n')],
    "dead-code": [("server/x.cc", "// return Fetch(row);\n"), ("server/x.cc", "  // x.Put(y);\n"),
                  ("server/x.cc", "// if (old) {\n"), ("server/x.cc", "// count += 1;\n")],
    "globals": [("server/x.cc", "static int counter = 0;\n"),
                ("common/x.cc", "std::vector<int> rows;\n")],
    "file-size": [("server/x.cc", "int F();\n" * 401), ("launch/x.py", "X = 1\n" * 401),
                  ("tests/x_test.cc", "int F();\n" * 501)],
    "line-length": [("server/x.cc", "// " + "x" * 98 + "\n"),
                    ("tests/x.py", "# " + "x" * 99 + "\n")],
    "function-size": [("server/x.cc", "void F() {\n" + LONG + "}\n"),
                      ("server/x.cc", "struct A {\n  A() : x(0) {\n" + LONG + "  }\n};\n"),
                      ("launch/x.py", "def f(x):\n" + "    x += 1\n" * 60)],
    "parameters": [("server/x.cc", "int F(int a, int b, int c, int d, int e, int f) {}\n")],
    "python": [("launch/x.py", "def f(:\n"), ("launch/x.py", "import numpy\n"),
               ("launch/x.py", "import tomllib\n"),
               ("tests/x.py", "from rubato_cli.gone import x\n"),
               ("tests/x.py", "def f():\n    from rubato_cli import gone\n")],
    "python-arrows": [
        *(("launch/rubato_cli/files/x.py",
           {"launch/rubato_cli/files/x.py": text, "launch/rubato_cli/fleet/child.py": "X = 1\n"})
          for text in ("from rubato_cli.fleet.child import X\n", "from ..fleet import child\n",
                       "import rubato_cli.fleet.child as child\n",
                       "def f():\n    from rubato_cli.fleet import child\n")),
        ("launch/rubato_cli/x.py", "X = 1\n"), ("launch/rubato_cli/misc/x.py", "X = 1\n")],
    "python-circles": [
        *(("launch/rubato_cli/fleet/builds.py",
           {"launch/rubato_cli/fleet/builds.py": text,
            "launch/rubato_cli/fleet/child.py": "from rubato_cli.fleet import builds\n"})
          for text in ("from rubato_cli.fleet.child import Child\n",
                       "from rubato_cli.fleet import child\n", "from . import child\n")),
        ("tests/x.py", "import x\n")],
    "scripts": [("tests/x", "#!/usr/bin/env bash\nset -euo pipefail\nif true; then\n"),
                ("tests/x", "#!/usr/bin/env bash\necho\n")],
    "todo": [("server/x.cc", "// TODO: think\n"), ("launch/x.py", "# FIXME\n")],
    "pointers": [("server/x.cc", "// See PLAN 2.\n"), ("tests/x", "cat /home/me/data\n"),
                 ("server/x.cc", "// FORMAT.md says so.\n"),
                 ("server/x.cc", '// See ARCHITECTURE.md, "Nowhere".\n')],
    "links": [("README.md", "[a](missing.md)\n"), ("README.md", '<img src="missing.png">\n')],
    "whitespace": [("server/x.cc", "int F(); \n"), ("server/x.cc", "int F();"),
                   ("launch/x.py", "if 1:\n\tpass\n")],
    "format": [("server/x.cc", "int   F();\n")],
}

# What must pass: near misses of the rules above.
CLEAN = {
    ".clang-format": pathlib.Path(tidy.__file__).parents[1].joinpath(".clang-format").read_text(),
    "ARCHITECTURE.md": "# Map\n\n## Fence\n"
                       "[the map](server/shard/shard.h) [web](https://debian.org)\n",
    "CMakeLists.txt": ROOMS,
    "common/wire/endpoint.cc": "#include <zmq.hpp>\n",
    "common/base/env.cc": "const auto t = std::chrono::steady_clock::now();\n",
    "common/text.cc": 'const char* kText = "std::cout, rand() and getenv()";\n',
    "launch/rubato_cli/__init__.py": "X = 1\n",
    "launch/rubato_cli/base/failure.py": "import json\n\n\nX = json\n",
    "launch/rubato_cli/fleet/child.py": "from rubato_cli.base import failure\n\nX = failure.X\n",
    "launch/rubato_cli/fleet/fleet.py":
        "from rubato_cli.base.failure import X\nfrom rubato_cli.fleet.child import X as Y\n\n"
        "XY = X, Y\n",
    "launch/rubato_cli/main.py": "from rubato_cli.fleet import fleet\n\nX = fleet.XY\n",
    "launch/start.py": "import json\n\n\ndef load(text):\n    return json.loads(text)\n",
    "server/shard/shard.cc": '#include "server/shard/shard.h"\n\n#include <vector>\n',
    "server/shard/shard.h":
        '// A machine; std::thread is for its driver. See ARCHITECTURE.md, "Fence".\n'
        "#pragma once\n\n#include <vector>\n\n#include \"common/base/ids.h\"\n",
    "server/shard/shard_loop.cc": "#include <thread>\n",
    "server/snapshot/row_file.cc": "#include <rocksdb/db.h>\n",
    "server/sum.cc": "// Sums: a row is kept when clock >= 1.\n"
                     "int Five(int a, int b, int c, int d, int e) { return a + b + c + d + e; }\n",
    "server/table_main.cc": '#include <iostream>\n\nint main() { std::cout << "hello"; }\n',
    "tests/go": "#!/usr/bin/env bash\nset -euo pipefail\necho\n",
    "tests/x_test.cc": '#include "server/shard/shard.h"\n#include "worker/train/trainer.h"\n\n'
                       "namespace rubato::sim {}\n",
    "worker/local.cc": "void F() {\n  static const int kSize = 3;\n  int x = kSize;\n  G(x);\n}\n",
}


class TidyTest(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
                if text.startswith("#!"):
                    file.chmod(0o755)
            return tidy.findings_of(folder)[0]

    def test_every_rule_finds_its_sample(self):
        for rule, samples in BROKEN.items():
            if rule == "format" and not tidy.clang_format_is_ours():
                continue
            for path, text in samples:
                with self.subTest(rule=rule, path=path, text=str(text)[:60]):
                    files = {"ARCHITECTURE.md": "# Map\n", "CMakeLists.txt": ROOMS,
                             "server/shard/shard.h": ESSAY,
                             **(text if isinstance(text, dict) else {path: text})}
                    found = self.check(files)
                    self.assertIn((path, rule), [(f.path, f.rule) for f in found])

    def test_near_misses_pass(self):
        self.assertEqual([str(finding) for finding in self.check(CLEAN)], [])

    def test_every_rule_has_a_sample(self):
        sources = pathlib.Path(tidy.__file__).parent.glob("tidy*.py")
        named = {name for source in sources if source.name != "tidy_test.py" for name in
                 re.findall(r'[Ff]inding\([^"]*"([a-z-]+)"', source.read_text("utf-8"))}
        named |= {rule for rule, _, _, _ in tidy.BANNED}
        self.assertGreater(len(named), 30)
        self.assertEqual(named, set(BROKEN))

    def test_arrows_between_python_rooms_go_one_way(self):
        above = set()
        for room, seen in tidy_python.ARROWS.items():
            self.assertLessEqual(set(seen), above, room)
            above.add(room)

    def test_every_door_has_a_sample(self):
        samples = [text for _, text in BROKEN["doors"]]
        for library, pattern, _ in tidy_rooms.DOORS:
            names = [name for text in samples
                     for _, name, _ in tidy_source.Source("server/x.cc", text).includes]
            self.assertTrue(any(re.match(pattern, name) for name in names), library)

    def test_a_script_that_cannot_be_started(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "tests").mkdir()
            script = pathlib.Path(folder, "tests", "go")
            script.write_text("#!/usr/bin/env bash\nset -euo pipefail\n")
            self.assertEqual([f.rule for f in tidy.findings_of(folder)[0]], ["scripts"])

    def test_main_prints_one_line_per_finding_and_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "server").mkdir()
            pathlib.Path(folder, "server", "x.cc").write_text("using namespace std;\n")
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                self.assertEqual(tidy.main([folder]), 1)
            self.assertEqual(printed.getvalue().splitlines()[0],
                             "server/x.cc:1: using-namespace: name the things used")


    def test_figures(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "CMakeLists.txt").write_text(
                "rubato_room(common)\nrubato_room(server SEES common)\n")
            for room in ("common", "server", "tests"):
                pathlib.Path(folder, room).mkdir()
            pathlib.Path(folder, "common", "x.cc").write_text("int F();\n")
            pathlib.Path(folder, "server", "x.cc").write_text(
                "int F() { return 1; }\nint G() {\n  return 2;\n}\n")
            pathlib.Path(folder, "tests", "x.cc").write_text("int H() {\n\n\n\n\n\n}\n")
            self.assertEqual(list(tidy_figures.figures_of(tidy_source.Tree(folder))), [
                "2 rooms, 1 arrows, 0 circles; largest: server, 4 lines",
                "2 functions of the product; lines: median 1, p90 3, most 3"])


class FunctionsTest(unittest.TestCase):
    def functions(self, text):
        return tidy_source.functions_of(tidy_source.Source("server/x.cc", text))

    def test_bodies_are_told_from_scopes(self):
        found = self.functions("namespace rubato {\nclass A : public B<int()> {\n  void F() {\n"
                               "    if (x) {\n    }\n  }\n};\nconst int kX[] = {1};\n"
                               "int G(int a) {\n  return a;\n}\n}\n")
        self.assertEqual([(f.first, f.last) for f in found], [(3, 6), (9, 11)])

    def test_braces_in_text_and_macros_do_not_count(self):
        found = self.functions('#define M(x) \\\n  if (x) {\n'
                               'void F() {\n  G("{{{", \'{\'); // {\n}\n')
        self.assertEqual([(f.first, f.last) for f in found], [(3, 5)])

    def test_parameters(self):
        count = tidy_source.parameters_in
        self.assertEqual(count("void F()"), 0)
        self.assertEqual(count("void F(\n )"), 0)
        self.assertEqual(count("int F(std::map<int, int> a, int (*b)(int, int))"), 2)
        self.assertEqual(count("bool operator()(int a, int b) const"), 2)
        self.assertEqual(count("A(int a) : x_(a), y_(a)"), 1)


if __name__ == "__main__":
    unittest.main()
