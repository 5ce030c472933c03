"""What the system refuses, as one sentence: what was tried, on what, why, and what helps.

Exit codes as in common/base/system_error.cc: what the user has to change is 2, what is short now
and may be there later is 3, all else 4.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from rubato_cli.base.failure import FATAL, RETRYABLE, USAGE, Failure

PERMISSION = "give this user permission, or choose another place"
LOCKS = "its file system has no locks; choose a place on another one"

# errno -> exit code and advice.
KNOWN = {
    errno.ENOENT: (FATAL, "check the path"),
    errno.ENOTDIR: (USAGE, "a part of the path is a file; choose another one"),
    errno.EISDIR: (USAGE, "it is a folder; name a file in it"),
    errno.EEXIST: (USAGE, "choose another name, or remove it"),
    errno.ENAMETOOLONG: (USAGE, "choose a shorter name"),
    errno.ELOOP: (USAGE, "its links lead in a circle; mend them"),
    errno.EACCES: (USAGE, PERMISSION),
    errno.EPERM: (USAGE, PERMISSION),
    errno.EROFS: (USAGE, "choose a place on a file system that can be written"),
    errno.ENOLCK: (USAGE, LOCKS),
    errno.EOPNOTSUPP: (USAGE, "its file system cannot do that; choose a place on another one"),
    errno.ENOSPC: (RETRYABLE, "free some space there"),
    errno.EDQUOT: (RETRYABLE, "free some space there, or have the quota raised"),
    errno.EFBIG: (RETRYABLE, "raise the limit on the size of files (ulimit -f)"),
    errno.EMFILE: (RETRYABLE, "raise the limit on open files (ulimit -n)"),
    errno.ENFILE: (RETRYABLE, "all processes together have too many; end some, or raise "
                              "fs.file-max (sysctl)"),
    errno.EAGAIN: (RETRYABLE, "raise the limits on processes (ulimit -u) and memory (ulimit -v), "
                              "or end some processes"),
    errno.ENOMEM: (RETRYABLE, "there is too little memory; end some processes, or raise its limit "
                              "(ulimit -v)"),
    errno.ESTALE: (RETRYABLE, "its file server has lost it; mount it again"),
    errno.EIO: (FATAL, "the disk may be failing; look at dmesg"),
}


def failure(error: OSError, doing: str = "") -> Failure:
    """`error` as a sentence: "DOING FILE failed: REASON; ADVICE". Without `doing` it is the file
    that failed."""
    code, _ = KNOWN.get(error.errno or 0, (FATAL, ""))
    file = error.filename2 or error.filename
    named = os.fsdecode(file) if isinstance(file, (str, bytes, os.PathLike)) else ""
    what = " ".join(filter(None, (doing, named, "failed" if doing else "")))
    return Failure(f"{what}: {why(error)}" if what else why(error), code)


@contextlib.contextmanager
def about(path: str | os.PathLike[str]) -> Iterator[None]:
    """An error inside that names no file (of a write, of a lock) is one of `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path)
        raise


def why(error: OSError) -> str:
    """Its reason and what helps, without what it is about."""
    _, advice = KNOWN.get(error.errno or 0, (FATAL, ""))
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{reason}; {advice}" if advice else reason
