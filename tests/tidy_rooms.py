"""Rules of the house, for tests/tidy.py: which room may see which, one door per library, machines
that do no input or output, and names that mean one thing.

Rooms and what each sees are declared once, in CMakeLists.txt: rubato_room(ROOM SEES ROOMS ...).
A room sees what it names and all that those see. Tests and bench see every room; no room sees them.
"""

import fnmatch
import functools
import re

PRODUCT = ("schemas", "common", "server", "worker")
TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "README.md", "ARCHITECTURE.md", "LICENSE",
             "schemas", "common", "server", "worker", "launch", "tests", "bench"}
FOLDER_SOURCES_MAX = 25

# One door per library: pattern of the included name -> product files that may include it.
DOORS = (
    ("ZeroMQ", r"zmq(_addon)?\.h(pp)?$", ("common/wire/endpoint.cc", "common/wire/connections.*",
                                      "common/wire/sockets.*", "common/wire/zap.*")),
    ("RocksDB", r"rocksdb/", ("server/snapshot/row_file.cc",)),
    ("FlatBuffers", r"flatbuffers/|schemas/\w+_generated\.h$",
     ("common/wire/wire*.cc", "server/scheduler/scheduler_state.cc",
      "server/snapshot/image_manifest.cc", "worker/data/dataset/dataset_format.cc")),
    ("toml++", r"toml\+\+", ("worker/run_file/run_file.cc",)),
    ("CLI11", r"CLI/", ("*_main.cc", "common/process/process.h")),
    ("spdlog", r"spdlog/", ("common/base/log.cc",)),
    ("nlohmann", r"nlohmann/",
     ("common/job/job.cc", "common/job/fleet_section.cc", "common/telemetry/told_line.cc",
      "worker/data/encode/json_fields.h")),
    ("OpenSSL", r"openssl/", ("*/digest.cc",)),
    ("BLAS", r"cblas|openblas", ("worker/compute/cpu/blas.cc",)),
    ("CUDA", r"cuda|cublas|cub/", ("worker/compute/cuda/*",)),
    ("zlib", r"zlib\.h$", ("worker/data/text/byte_source.cc",)),
    ("zstd", r"zstd\.h$", ("worker/data/text/byte_source.cc",)),
)

# Sans-I/O machines: no thread, lock, clock, file or socket of their own.
MACHINES = ("server/shard/shard*", "server/shard/clock_table.*", "server/scheduler/scheduler*",
            "server/scheduler/write_ahead.*", "server/scheduler/shard_watch.*", "server/table/*",
            "worker/client/ps_client*", "worker/client/row_cache.*", "worker/client/push_log.*")
DRIVERS = ("*_loop.cc", "*_loop.h")
MACHINE_INCLUDES = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|atomic|future|chrono|ctime|fstream|iostream|"
    r"unistd\.h|common/(wire/endpoint|base/mutex|base/log|telemetry/telemetry)\.h|zmq.*|"
    r"rocksdb/.*)$")
MACHINE_CALLS = re.compile(r"\b(MonotonicNow|WallMillis|RandomSeed)\s*\(")

ROOM = re.compile(r"^\s*rubato_room\(\s*([\w/]+)\s*(?:SEES\s+([\w/\s]+?)\s*)?(?:LINK\s[^)]*)?\)",
                  re.MULTILINE)
# What a line at namespace scope declares: a type with its body, an alias, a constant, a function.
DECLARED = (re.compile(r"^(?:template\s*<.*>\s*)?(?:class|struct|union|enum(?:\s+class)?)\s+"
                       r"(\w+)[^;()]*\{", re.DOTALL),
            re.compile(r"^using\s+(\w+)\s*="),
            re.compile(r"^(?:inline\s+)?constexpr\s+[^=({]*?\b(\w+)(?:\[\w*\])?\s*[={]"),
            re.compile(r"^(?:template\s*<.*>\s*)?[^=(]*?\b(\w+)\s*\(", re.DOTALL))


def matches(path, globs):
    return any(fnmatch.fnmatch(path, glob) for glob in globs)


def folder_of(path):
    return path.rpartition("/")[0]


class House:
    """Rooms as CMakeLists.txt declares them: folder -> folders that it names as seen."""

    def __init__(self, tree):
        cmake = tree.sources.get("CMakeLists.txt")
        text = re.sub(r"#.*", "", cmake.text) if cmake else ""
        self.named = {match.group(1): (match.group(2) or "").split()
                      for match in ROOM.finditer(text)}

    @functools.cache
    def seen_from(self, room, above=()):
        """All rooms that `room` sees, itself among them. `above`: whose circle is not walked."""
        seen = {room}
        for below in self.named.get(room, ()):
            if below not in above:
                seen |= self.seen_from(below, (*above, room))
        return seen


def check_layout(tree):
    house = House(tree)
    for source in tree.sources.values():
        top = source.path.split("/")[0]
        if top not in TOP_LEVEL and not top.startswith("."):
            yield source.finding(1, "layout", f"no top-level name {top}: put it into a room")
        if source.room == "launch" and (source.cpp or source.stem == "CMakeLists"):
            yield source.finding(1, "layout", "launch links nothing: C++ lives in the other rooms")
        folder = folder_of(source.path)
        if house.named and source.cpp and source.room in PRODUCT and folder not in house.named:
            yield source.finding(1, "layout", f"{folder} is no room: declare it in CMakeLists.txt")


def check_folders(tree):
    counts = {}
    for source in tree.sources.values():
        if source.path.endswith((".cc", ".cu")) and source.room in PRODUCT:
            counts.setdefault(folder_of(source.path), []).append(source)
    for folder, sources in counts.items():
        if len(sources) > FOLDER_SOURCES_MAX:
            yield sources[0].finding(1, "folder-size", f"{len(sources)} sources in {folder}: give "
                                     "a part of them a room of its own")


def check_arrows(tree):
    house = House(tree)
    for source in tree.cpp():
        seen = house.seen_from(folder_of(source.path)) if source.room in PRODUCT else None
        for line, name, quote in source.includes:
            top = name.split("/")[0]
            ours = top in TOP_LEVEL and "." not in top
            if quote == '"' and "/" not in name:
                yield source.finding(line, "arrows",
                                     f'"ROOM/{name}" if it is ours, <{name}> if not')
            elif ours and top != "schemas" and seen is not None and folder_of(name) not in seen:
                yield source.finding(line, "arrows", f"{folder_of(source.path)} must not see "
                                     f"{folder_of(name)}: move what both need down, or hand it in "
                                     "from above")


def circles_in(nodes):
    """Nodes (name -> names) that can be reached from themselves, a circle as its sorted names."""
    def reached(start):
        seen, todo = set(), list(nodes[start])
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo.extend(nodes.get(node, ()))
        return seen
    reach = {name: reached(name) for name in nodes}
    return {tuple(sorted(other for other in reach[name] if name in reach.get(other, ())))
            for name in nodes if name in reach[name]}


def check_circles(tree):
    cmake = tree.sources.get("CMakeLists.txt")
    for circle in sorted(circles_in(House(tree).named)):
        yield cmake.finding(1, "circles", f"{' and '.join(circle)} see each other")
    files = {}
    for source in tree.cpp(PRODUCT):
        unit = source.path.rsplit(".", 1)[0]
        files.setdefault(unit, set()).update(
            name.rsplit(".", 1)[0] for _, name, _ in source.includes
            if name.rsplit(".", 1)[0] != unit)
    for circle in sorted(circles_in(files)):
        source = next(s for s in tree.cpp() if s.path.rsplit(".", 1)[0] == circle[0])
        yield source.finding(1, "circles", f"{' and '.join(circle)} include each other: what both "
                             "need is a third thing")


def check_doors(tree):
    for source in tree.cpp(PRODUCT):
        for line, name, _ in source.includes:
            for library, pattern, doors in DOORS:
                if re.match(pattern, name) and not matches(source.path, doors):
                    yield source.finding(line, "doors", f"{library} is included only in "
                                         f"{', '.join(doors)}: use what stands there")


def check_machines(tree):
    for source in tree.cpp(("server", "worker")):
        if not matches(source.path, MACHINES) or matches(source.path, DRIVERS):
            continue
        for line, name, _ in source.includes:
            if MACHINE_INCLUDES.match(name):
                yield source.finding(line, "machines", f"a machine has no {name}: its driver has")
        for match in MACHINE_CALLS.finditer(source.code):
            yield source.finding(source.line_of(match.start()), "machines",
                                 f"a machine is handed its time and chance: no {match.group(1)}()")


def declared_names(source):
    """(name, line) of what a header declares at namespace scope; forward declarations are none."""
    code = re.sub(r"^[ \t]*#[^\n]*", lambda m: " " * len(m.group()), source.code,
                  flags=re.MULTILINE)
    depth, start = 0, 0
    for match in re.finditer(r"[{};]", code):
        statement = code[start:match.end()] if depth == 0 else ""
        opens_namespace = re.search(r"\bnamespace\s+[\w:]*\s*\{$", statement)
        start = match.end() if depth == 0 or match.group() == "}" else start
        if statement.strip() and not opens_namespace:
            yield from _declared_in(source, statement, match.end() - len(statement))
        if match.group() == "{" and not opens_namespace:
            depth += 1
        elif match.group() == "}" and depth > 0:
            depth -= 1
            start = match.end()


def _declared_in(source, statement, offset):
    text = statement.strip()
    for pattern in DECLARED:
        match = pattern.match(text)
        if match and match.group(1) not in ("operator", "static_assert", "defined"):
            yield match.group(1), source.line_of(offset + statement.index(text))
            return


def check_declarations(tree):
    first = {}
    for source in tree.cpp(PRODUCT):
        if not source.path.endswith((".h", ".cuh")):
            continue
        for name, line in declared_names(source):
            other = first.setdefault(name, source.path)
            if other != source.path:
                yield source.finding(line, "declared-twice", f"{name} is declared in {other} too: "
                                     "one name, one thing")


def check_silent_rules(tree, patterns):
    """`patterns` of paths, and those of the rules here: in the repository that has the rules, each
    matches some file."""
    here = tree.sources.get("tests/tidy_rooms.py")
    if here is None:
        return
    own = [glob for _, _, doors in DOORS for glob in doors]
    for glob in dict.fromkeys((*own, *MACHINES, *DRIVERS, *patterns)):
        if not any(fnmatch.fnmatch(path, glob) for path in tree.sources):
            yield here.finding(1, "silent-rule", f"{glob} matches no file: the rule says nothing")
