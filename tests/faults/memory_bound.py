"""Bounds the memory of a process that runs: by a cgroup where this user may make one."""

import contextlib
import os
import pathlib
import resource

MIB = 1 << 20


@contextlib.contextmanager
def limited(pid, mib):
    """The process may come to need so much memory more; gives what bounds it, in words. A cgroup
    where this user may make one, else its address space."""
    group = cgroup_of(pid, mib)
    if group is None:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        limit = int(status.split("VmSize:")[1].split()[0]) * 1024 + mib * MIB
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
        yield "its address space, as no cgroup can be made here"
        return
    try:
        yield "its cgroup's memory"
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has met its limit, and is dead
            (group.parent / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def cgroup_of(pid, mib):
    """A new one, below this process's own, for that process and what it needs from now on."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("memory", ""):
            continue
        limit = "memory.limit_in_bytes" if controllers else "memory.max"
        group = (pathlib.Path("/sys/fs/cgroup") / controllers / path.lstrip("/")
                 / f"rubato-bound-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(mib * MIB))
            (group / "cgroup.procs").write_text(str(pid))
            return group
        except OSError:
            group.rmdir()
    return None
