"""What tests/tidy.py looks at: the files of the repository, and a rough reading of C++.

C++ is read by regular expressions and by counting braces, which is enough for code that
clang-format has laid out: comments and strings are blanked (line by line the same size), and a
function is the outermost {...} whose header has a `)`.
"""

import dataclasses
import functools
import pathlib
import re
import subprocess

FUNCTION_LINES_MAX = 60  # in whatever language
PRODUCT_FUNCTION_LINES_MAX = 45  # of C++
FILE_LINES_MAX = 500
PRODUCT_FILE_LINES_MAX = 400

CPP = (".cc", ".h", ".cu", ".cuh")
CPP_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|R\"(?P<mark>[^()\\ ]{0,16})\(.*?\)(?P=mark)\"|"
    r"\"(?:\\.|[^\"\\\n])*\"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])*'", re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    advice: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.advice}"


def _blank(match):
    text = match.group()
    kept = re.sub(r"[^\n]", " ", text)
    return kept if text.startswith("/") else '"' + kept[1:-1] + '"'


class Source:
    """One text file: path relative to the root with '/', text, and for C++ the blanked code."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.stem = path.rsplit("/", 1)[-1].split(".")[0]
        self.room = path.split("/")[0] if "/" in path else ""
        self.cpp = path.endswith(CPP)
        first = self.lines[0]
        self.python = path.endswith(".py") or (first.startswith("#!") and "python3" in first)
        self.bash = first.startswith("#!") and "bash" in first

    @functools.cached_property
    def code(self):
        return CPP_TOKEN.sub(_blank, self.text)

    @functools.cached_property
    def includes(self):
        """(line, name, quote) of each #include that is not in a comment."""
        found = []
        for number, (raw, code) in enumerate(zip(self.lines, self.code.split("\n")), 1):
            match = INCLUDE.match(raw) if code.lstrip().startswith("#") else None
            if match:
                found.append((number, match.group(2), match.group(1)))
        return found

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def finding(self, line, rule, advice):
        return Finding(self.path, line, rule, advice)


class Tree:
    """The text files below a root: those of git that are not ignored, or all of a plain folder."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.sources = {}
        for path in self._paths():
            if path.startswith("tests/fuzz/corpus/"):
                continue  # inputs: any bytes
            try:
                self.sources[path] = Source(path, (self.root / path).read_text("utf-8"))
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue  # not text, or deleted and not committed yet

    def _paths(self):
        if (self.root / ".git").exists():
            listed = subprocess.run(
                ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                cwd=self.root, check=True, capture_output=True, text=True).stdout
            return sorted(set(filter(None, listed.split("\0"))))
        return sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*")
                      if p.is_file() and "__pycache__" not in p.parts)

    def cpp(self, rooms=None):
        return [s for s in self.sources.values() if s.cpp and (rooms is None or s.room in rooms)]


@dataclasses.dataclass
class Body:
    """A `{...}` of C++ that is a function: what stands before it, and its first and last line."""
    header: str
    first: int
    last: int


def _is_function(header):
    header = re.sub(r"\b(public|private|protected)\s*:", "", header).strip()
    if re.match(r"(?:template\s*<.*>\s*)?(?:class|struct|union|enum|namespace|extern)\b", header,
                re.DOTALL):
        return False
    return ")" in header and not header.endswith(("=", "("))


def functions_of(source):
    """Functions by counting braces: a body is the outermost {} whose header has a `)`."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group()),
                  source.code, flags=re.MULTILINE)
    bodies, stack, start = [], [], 0
    for match in re.finditer(r"[{};]", code):
        offset, sign = match.start(), match.group()
        inside = bool(stack) and stack[-1] is not None
        if sign == "{":
            header = code[start:offset]
            if inside:
                stack.append(stack[-1])
            else:
                stack.append((header, offset) if _is_function(header) else None)
        elif sign == "}" and stack:
            top = stack.pop()
            if top is not None and (not stack or stack[-1] is None):
                bodies.append(Body(top[0], source.line_of(top[1]), source.line_of(offset)))
        start = offset + 1
    return bodies


def parameters_in(header):
    """Number of parameters of a function header: commas at depth 1 of its first parentheses."""
    header = header.replace("operator()", "operator_")
    begin = header.find("(")
    depth, commas, empty = 0, 0, True
    for char in header[begin:]:
        depth += char in "(<[{"
        depth -= char in ")>]}"
        if depth == 0:
            break
        commas += char == "," and depth == 1
        empty = empty and (char.isspace() or char == "(")
    return 0 if empty else commas + 1
