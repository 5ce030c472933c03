"""`rubato doctor`: checks what a run needs on this machine, and says what it found."""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import platform
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

from rubato_cli.base import checkout
from rubato_cli.base.events import ErrorEvent, GpuEvent, parse_event
from rubato_cli.base.failure import DONE, USAGE, Failure
from rubato_cli.commands.session import Command, Session
from rubato_cli.fleet import builds
from rubato_cli.fleet.sockets import SocketFolder

OPEN_FILES_MIN = 256  # sockets and snapshot files of a small fleet
MEMORY_MIN_BYTES = 1 << 30
DISK_MIN_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing looked at. `verdict`: "ok", "note" (works, but know it) or "bad"."""

    what: str
    verdict: str
    found: str


def _add_arguments(_: argparse.ArgumentParser) -> None:
    pass


def _run(_: argparse.Namespace, session: Session) -> int:
    checks: list[Callable[[Session], Iterator[Finding]]] = [
        _python, _packages, _executables, _gpus, _machine, _sockets, _disk, _data]
    findings = [finding for check in checks for finding in check(session)]
    bad = sum(finding.verdict == "bad" for finding in findings)
    lines = [f"{finding.verdict:>4}  {finding.what}: {finding.found}" for finding in findings]
    session.console.result(
        [*lines, "all well" if not bad else f"{bad} of {len(findings)} checks failed"],
        {"findings": [dataclasses.asdict(finding) for finding in findings], "failed": bad})
    return USAGE if bad else DONE


def _python(_: Session) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{sys.version.split()[0]}, {platform.platform()}")


def _packages(_: Session) -> Iterator[Finding]:
    """The Debian packages of .ci/packages, which building needs and running partly does."""
    if shutil.which("dpkg-query") is None:
        yield Finding("packages", "note", "not a Debian system: see .ci/packages for what is used")
        return
    lines = (checkout.ROOT / ".ci" / "packages").read_text(encoding="utf-8").splitlines()
    wanted = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Status}\\n", *wanted],
                           capture_output=True, text=True, check=False)
    there = {line.split()[0] for line in asked.stdout.splitlines()
             if line.endswith("install ok installed")}
    missing = [name for name in wanted if name not in there]
    yield Finding("packages", "note" if missing else "ok",
                  f"missing: {', '.join(missing)}; run .ci/install" if missing
                  else f"all {len(wanted)} of .ci/packages")


def _executables(session: Session) -> Iterator[Finding]:
    """Each must start: a missing shared library shows here."""
    try:
        build = session.find_build()
    except Failure as failure:
        yield Finding("executables", "bad", failure.sentence)
        return
    yield Finding("executables", "ok", f"{build.words} in {build.folder}")
    for name in builds.PROGRAMS:
        started = subprocess.run([build.program(name), "--help"], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, check=False)
        if started.returncode != 0:
            yield Finding(name, "bad", f"does not start: {started.stderr.strip()}; build again")


def _gpus(session: Session) -> Iterator[Finding]:
    """Nobody needs one: device = "cpu" is complete without."""
    try:
        program = session.find_build().program("rubato-worker")
    except Failure:
        return  # said above
    asked = subprocess.run([program, "gpus"], stdin=subprocess.DEVNULL, capture_output=True,
                           check=False)
    events = list(filter(None, map(parse_event, asked.stdout.splitlines())))
    for event in events:
        if isinstance(event, GpuEvent):
            yield Finding(f"cuda:{event.index}", "ok",
                          f"{event.name}, compute capability {event.capability}, "
                          f"{event.free_bytes / 2**30:.1f} of "
                          f"{event.memory_bytes / 2**30:.1f} GiB free")
    errors = [event.message for event in events if isinstance(event, ErrorEvent)]
    if asked.returncode != 0:
        why = errors[0] if errors else "the backend crashed"
        yield Finding("cuda", "note", f"{why}; device = \"cpu\" does without")


def _machine(_: Session) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    yield Finding("cores", "ok" if cores >= 2 else "note",
                  f"{cores}" + ("" if cores >= 2 else ": a fleet of several processes will crawl"))
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    yield Finding("free memory", "ok" if memory >= MEMORY_MIN_BYTES else "note",
                  f"{memory / 2**30:.1f} GiB")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    enough = files == resource.RLIM_INFINITY or files >= OPEN_FILES_MIN
    yield Finding("open files", "ok" if enough else "bad",
                  f"limit {files}" + ("" if enough else f"; raise it: ulimit -n {OPEN_FILES_MIN}"))


def _sockets(_: Session) -> Iterator[Finding]:
    """Both transports: a Unix socket where runs put theirs, and loopback TCP."""
    try:
        with SocketFolder() as folder, socket.socket(socket.AF_UNIX) as unix:
            unix.bind(folder.socket("doctor.sock"))
            yield Finding("ipc", "ok", f"sockets under {folder.path.parent}")
    except Failure as failure:
        yield Finding("ipc", "note", failure.sentence)
    except OSError as error:
        yield Finding("ipc", "bad", f"no Unix socket: {error.strerror}; use fleet.transport = "
                      "\"tcp\"")
    try:
        with socket.socket() as tcp:
            tcp.bind(("127.0.0.1", 0))
        yield Finding("tcp", "ok", "loopback")
    except OSError as error:
        yield Finding("tcp", "bad", f"cannot listen on 127.0.0.1: {error.strerror}")


def _disk(_: Session) -> Iterator[Finding]:
    here = pathlib.Path.cwd()
    free = shutil.disk_usage(here).free
    yield Finding("disk", "ok" if free >= DISK_MIN_BYTES else "note",
                  f"{free / 2**30:.1f} GiB free in {here}")


def _data(session: Session) -> Iterator[Finding]:
    folder = session.environment.get("RUBATO_DATA_DIR")
    if not folder:
        yield Finding("RUBATO_DATA_DIR", "note", "not set: only launch/runs/quickstart.toml and "
                      "your own run files will find their data")
    elif not pathlib.Path(folder).is_dir():
        yield Finding("RUBATO_DATA_DIR", "bad", f"{folder} is no folder; set it to one, or unset")
    else:
        yield Finding("RUBATO_DATA_DIR", "ok", folder)


COMMAND = Command("doctor", "check this machine", _add_arguments, _run)
