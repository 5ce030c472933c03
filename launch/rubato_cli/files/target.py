"""A file that the user names, for all that we write: whole or not at all.

It is written beside its own name and renamed. Links are followed and stay links. A file that cannot
be replaced, as its folder is not ours or it is a mount of a container, is overwritten once there is
room for all: who reads it, or a crash, may then see a part. What is no plain file (a pipe, a
terminal, /dev/stdout, /dev/null) is written through, as there is nothing to put in its place; a
disk is refused.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
import re
import stat

from rubato_cli.base import output, system_error
from rubato_cli.base.failure import Failure
from rubato_cli.files.scratch import HIDDEN_PREFIX, ScratchFolder, temporary_folder

LINKS_MAX = 40  # as the kernel follows
COPY_BYTES = 1 << 20
NOT_REPLACED = (errno.EXDEV, errno.EBUSY, errno.EACCES, errno.EPERM)
OPEN_FILES = re.compile(rf"/proc/{os.getpid()}(/task/\d+)?/fd")


class Target:
    """Where to write: `draft` (not there yet) first, then publish(). For a `with` block; without
    publish() nothing has changed at its end."""

    def __init__(self, path: str | pathlib.Path) -> None:
        self.shown = str(path)
        self._descriptor: int | None = None  # written through
        self._before: os.stat_result | None = None
        self._file = os.path.realpath(path)
        self._open()
        self._scratch = self._make_scratch(pathlib.Path(self._file).parent)
        # The ending is kept: it may promise something.
        self.draft = self._scratch.path / f"draft{pathlib.Path(self._file).suffix[:8]}"

    @property
    def is_stdout(self) -> bool:
        return (self._descriptor is not None
                and os.path.sameopenfile(self._descriptor, 1))

    def publish(self) -> None:
        """Gives `draft`, written and closed, the name that was asked for."""
        if self._descriptor is None:
            self._take_over()
            try:
                os.replace(self.draft, self._file)
            except OSError as error:
                if self._before is None or error.errno not in NOT_REPLACED:
                    raise
                self._descriptor = os.open(self._file, os.O_WRONLY)
                self._overwrite(self._descriptor)
        else:
            self._copy(self._descriptor)

    def write(self, text: str) -> None:
        """All of it, published."""
        with system_error.about(self.shown), \
                open(self.draft, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.publish()

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.remove()
        if self._descriptor is not None:
            os.close(self._descriptor)

    def _open(self) -> None:
        own = _open_file(self.shown)
        if own is not None:
            self._descriptor = _duplicate(own, self.shown)
            return
        try:
            self._before = os.stat(self.shown)
        except FileNotFoundError:
            return
        mode = self._before.st_mode
        if stat.S_ISDIR(mode):
            raise Failure(f"{self.shown} is a folder; name a file in it")
        if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
            raise Failure(f"{self.shown} is a disk or a socket, and no file; choose another place")
        if not stat.S_ISREG(mode):
            self._descriptor = _open_special(self.shown)
        elif not os.access(self._file, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), self.shown)

    def _make_scratch(self, folder: pathlib.Path) -> ScratchFolder:
        if self._descriptor is None:
            if not folder.is_dir():
                raise Failure(f"there is no folder {folder}; make it, or choose another place")
            try:
                return ScratchFolder(folder, HIDDEN_PREFIX)
            except OSError as error:
                if self._before is None:
                    error.filename = str(folder)
                    raise
        return ScratchFolder(temporary_folder(folder))

    def _take_over(self) -> None:
        """The draft gets the owner and the mode of the file it replaces, each if that is possible:
        an owner may be unknown in a container, and a file system may have neither."""
        if self._before is None:
            return
        with contextlib.suppress(OSError):
            os.chown(self.draft, self._before.st_uid, self._before.st_gid)
        with contextlib.suppress(OSError):
            os.chmod(self.draft, stat.S_IMODE(self._before.st_mode))

    def _overwrite(self, descriptor: int) -> None:
        size, before = self.draft.stat().st_size, os.fstat(descriptor).st_size
        if size > before:
            try:
                os.posix_fallocate(descriptor, before, size - before)
            except OSError as error:
                os.ftruncate(descriptor, before)
                error.filename = self.shown
                raise
        self._copy(descriptor)
        os.ftruncate(descriptor, size)

    def _copy(self, descriptor: int) -> None:
        with open(self.draft, "rb") as draft:
            try:
                while piece := draft.read(COPY_BYTES):
                    output.write_all(descriptor, piece)
            except BrokenPipeError:
                pass  # as in --out >(head): nobody wants the rest
            except OSError as error:
                error.filename = self.shown
                raise


def write(path: str | pathlib.Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    with Target(path) as target:
        target.write(text)


def _open_special(path: str) -> int:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise Failure(f"nobody reads from {path}; start its reader first, or name a "
                          "file") from error
        raise
    os.set_blocking(descriptor, True)
    return descriptor


def _duplicate(own: int, path: str) -> int:
    try:
        mode = fcntl.fcntl(own, fcntl.F_GETFL) & os.O_ACCMODE
    except (OSError, OverflowError) as error:
        raise Failure(f"{path} is no open file of this command; choose another place") from error
    if mode == os.O_RDONLY:
        raise Failure(f"{path} is open for reading only; choose another place")
    return os.dup(own)


def _open_file(path: str) -> int | None:
    """The number of the open file of this process that `path` stands for, as /dev/stdout does:
    opened a second time by that name it would be written from its beginning."""
    for _ in range(LINKS_MAX):
        folder, name = os.path.split(os.path.abspath(path))
        folder = os.path.realpath(folder)
        if OPEN_FILES.fullmatch(folder) and name.isdecimal():
            return int(name)
        path = os.path.join(folder, name)
        if not os.path.islink(path):
            return None
        path = os.path.join(folder, os.readlink(path))
    return None
