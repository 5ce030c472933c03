"""The law of the Python: only the standard library, rooms whose arrows go one way, no circles.

tests/tidy.py lists these rules among all others.
"""

import ast
import dataclasses
import sys

from tidy_source import FUNCTION_LINES_MAX

# Room of launch/rubato_cli -> other rooms that it may import from; a row names only rows above it.
# `main` is the one module outside the rooms.
ARROWS = {
    "base": (),
    "files": ("base",),
    "own_data": ("base",),
    "fleet": ("base", "files"),
    "report": ("base", "files"),
    "render": ("base",),
    "run": ("base", "files", "fleet"),
    "slurm": ("base", "files", "fleet", "run"),
    "detached": ("base", "files", "fleet"),
    "commands": ("base", "files", "own_data", "fleet", "report", "render", "run", "slurm",
                 "detached"),
    "main": ("base", "fleet", "commands"),
}
PACKAGE = "launch/rubato_cli/"


def check_python(tree):
    local = {s.stem for s in tree.sources.values() if s.python} | {"rubato_cli"}
    for source in tree.sources.values():
        if not source.python:
            continue
        try:
            module = ast.parse(source.text, source.path)
        except SyntaxError as error:
            yield source.finding(error.lineno or 1, "python", f"does not compile: {error.msg}")
            continue
        for node in ast.walk(module):
            yield from _check_function(source, node)
            yield from _check_import(source, node, local)
            yield from _check_launcher_import(tree, source, node)


def _check_function(source, node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        lines = node.end_lineno - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield source.finding(node.lineno, "function-size", f"{lines} lines: cut it by step")


def _check_import(source, node, local):
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        names = [node.module]
    for name in names:
        top = name.split(".")[0]
        if top not in sys.stdlib_module_names and top not in local:
            yield source.finding(node.lineno, "python", f"{top}: only the standard library")
        if top == "tomllib" and source.room == "launch":
            yield source.finding(node.lineno, "python",
                                 "only C++ reads run files: ask `rubato-data config`")


def _check_launcher_import(tree, source, node):
    """A module that is not there, as after a move: some imports run only in rare cases."""
    if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != "rubato_cli":
        return
    for alias in node.names:
        paths = [_path(tree, source, name) for name in (f"{node.module}.{alias.name}", node.module)]
        path = next(filter(None, paths), "")
        if not path or path.endswith("/__init__.py"):
            yield source.finding(node.lineno, "python",
                                 f"no module {node.module} with a {alias.name}")


def check_python_arrows(tree):
    for source in tree.sources.values():
        room = _room(source.path)
        if room is None:
            continue
        if room not in ARROWS:
            yield source.finding(1, "python-arrows",
                                 f"no room {room}: put it into one of {', '.join(ARROWS)}")
            continue
        for found in _imports(tree, source):
            seen = _room(found.path)
            if seen not in (None, room, *ARROWS[room]):
                yield source.finding(found.line, "python-arrows", f"{room} must not see {seen}: "
                                     "move what both need down, or hand it in from above")


def _room(path):
    """Of a module of the launcher: the folder that it is in, else its own name."""
    if not path.startswith(PACKAGE) or path == f"{PACKAGE}__init__.py":
        return None
    return path.removeprefix(PACKAGE).split("/")[0].removesuffix(".py")


def check_python_circles(tree):
    graph = {source.path: {found.path: found.line for found in _imports(tree, source)}
             for source in tree.sources.values() if source.python}
    told = set()
    for path in sorted(graph):
        circle = _circle(graph, path)
        if circle and not told.intersection(circle):
            told.update(circle)
            yield tree.sources[path].finding(
                graph[path][circle[1]], "python-circles",
                f"{' -> '.join(circle)}: move what they share into a module that sees none of them")


def _circle(graph, start):
    """The shortest way from `start` back to it, [] if there is none."""
    ways, known = [[start]], set()
    for way in ways:
        for path in sorted(graph.get(way[-1], ())):
            if path == start:
                return [*way, start]
            if path not in known:
                known.add(path)
                ways.append([*way, path])
    return []


@dataclasses.dataclass(frozen=True)
class _Import:
    """A module of the repository that another one imports."""

    path: str
    line: int


def _imports(tree, source):
    """The import statements of a module, wherever they stand in it."""
    try:
        nodes = list(ast.walk(ast.parse(source.text))) if source.python else []
    except SyntaxError:
        return  # check_python says so
    for node in nodes:
        names = []
        if isinstance(node, ast.Import):
            names = [(alias.name,) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            whole = f"{_package(source, node.level)}{node.module or ''}".removesuffix(".")
            names = [(f"{whole}.{alias.name}", whole) for alias in node.names]
        for candidates in names:
            path = next(filter(None, (_path(tree, source, name) for name in candidates)), None)
            if path:
                yield _Import(path, node.lineno)


def _package(source, level):
    """The folders that `level` leading dots mean, as a name that ends with a dot."""
    if level == 0:
        return ""
    folders = source.path.removeprefix("launch/").split("/")[:-level]
    return "".join(f"{folder}." for folder in folders)


def _path(tree, source, name):
    """Of a module by its name: the launcher's, or one beside `source`; None for a library's."""
    file = name.replace(".", "/")
    beside = source.path.rpartition("/")[0]
    paths = (f"{folder}/{file}{end}" for folder in ("launch", beside)
             for end in (".py", "/__init__.py"))
    return next((path for path in paths if path in tree.sources), None)
