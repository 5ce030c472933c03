"""A root folder as an image has it: Debian's base system, and what the last stage of a Dockerfile
puts on it. There is no docker in this: RUN is run in the folder as it stands, COPY copies what this
checkout has built. Only root can make one.

What does not depend on the checkout is kept between calls, in $XDG_CACHE_HOME or /var/cache.
"""

import glob
import hashlib
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "launch" / "kubernetes" / "Dockerfile"
SOURCE = "/source/"  # where the stage that builds has the checkout
SUITE = "bookworm"
MIRROR = "http://deb.debian.org"
SOURCES = f"""\
deb {MIRROR}/debian {SUITE} main
deb {MIRROR}/debian {SUITE}-updates main
deb {MIRROR}/debian-security {SUITE}-security main
"""
# What a runtime gives to a process whose image says nothing.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoRoot(Exception):
    """A sentence that says why there is none."""


class BareRoot:
    """`path`: the root folder, which goes with close(). `folder`: for it, and what is written there
    is gone with it. Raises NoRoot."""

    def __init__(self, folder, programs):
        """`programs`: the folder of those that were built."""
        _check_possible()
        steps = last_stage(DOCKERFILE.read_text())
        first_copy = next(i for i, (word, _) in enumerate(steps) if word == "COPY")
        base = _cached([text for word, text in steps[:first_copy] if word == "RUN"])
        self.path = folder / "root"
        for part in ("root", "upper", "work"):
            (folder / part).mkdir()
        _run("mount", "-t", "overlay", "overlay", "-o",
             f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work", self.path)
        for word, text in steps[first_copy:]:
            if word == "COPY":
                self._copy(text.split()[1:], programs)
            elif word == "RUN":
                _run("chroot", self.path, "/bin/sh", "-ec", text)

    def close(self):
        _run("umount", "-l", self.path)

    def _copy(self, words, programs):
        """FROM the stage that builds."""
        pattern, target = words
        inside = self.path / target.lstrip("/")
        here = pattern.removeprefix(SOURCE)
        found = glob.glob(str(ROOT / here) if not here.startswith("build/release/bin/")
                          else f"{programs}/{pathlib.Path(here).name}")
        assert found, f"COPY {pattern}: there is no such thing"
        if target.endswith("/"):
            inside.mkdir(parents=True)
        for path in found:
            if os.path.isdir(path):
                shutil.copytree(path, inside, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                inside.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, inside)


def last_stage(dockerfile):
    """Its instructions: (word, text), each on one line."""
    steps = []
    for line in dockerfile.splitlines():
        word, _, text = line.partition(" ")
        if word == "FROM":
            steps = []
        elif word and not word.startswith("#"):
            steps.append((word, text))
    return steps


def _check_possible():
    if os.geteuid() != 0:
        raise NoRoot("only root may make a root folder")
    for tool in ("debootstrap", "chroot", "unshare", "setpriv"):
        if shutil.which(tool) is None:
            raise NoRoot(f"there is no `{tool}` here")


def _cached(commands):
    """The base system on which `commands` were run."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "rubato-test"
    digest = hashlib.sha256("\n".join([SUITE, SOURCES, *commands]).encode()).hexdigest()[:16]
    path = cache / f"root-{digest}"
    if path.is_dir():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    draft = cache / f"draft-{os.getpid()}"
    try:
        _run("debootstrap", "--variant=minbase", SUITE, draft, f"{MIRROR}/debian")
        (draft / "etc" / "apt" / "sources.list").write_text(SOURCES)
        shutil.copy("/etc/resolv.conf", draft / "etc" / "resolv.conf")
        for command in commands:
            _run("chroot", draft, "/usr/bin/env", "DEBIAN_FRONTEND=noninteractive", "/bin/sh",
                 "-ec", command)
        draft.rename(path)
    except subprocess.CalledProcessError as error:
        raise NoRoot(f"no base system: {error}: {error.stderr[-500:]}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return path


def _run(*command):
    subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
