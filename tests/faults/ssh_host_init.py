"""The first process of a host (ssh_hosts.py): makes its view of the machine, starts what it is told
to on stdin, one JSON list a line, and buries who dies there. Its end is that of all others."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time

MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
SECONDS = 30.0
SSH_PORT = 22

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind=None, flags=0):
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    if _libc.mount(*words, flags, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target}")


def make_view(view):
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc")
    # Held open: the folder that they are in is covered.
    visible = [(path, os.open(path, os.O_PATH | os.O_DIRECTORY)) for path in view["visible"]]
    for path in ("/tmp", "/run"):
        mount("tmpfs", path, "tmpfs")
    with open("/run/hosts", "w", encoding="ascii") as names:
        names.write(view["hosts"])
    mount("/run/hosts", "/etc/hosts", flags=MS_BIND)
    os.chmod("/tmp", 0o1777)
    os.mkdir("/run/sshd", 0o755)
    for path, folder in visible:
        os.makedirs(path, exist_ok=True)
        mount(f"/proc/self/fd/{folder}", path, flags=MS_BIND | MS_REC)
        os.close(folder)
    for path in view["private"]:
        os.makedirs(path, exist_ok=True)
        mount("tmpfs", path, "tmpfs")
    socket.sethostname(view["name"])


def wait_listening():
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with open("/proc/net/tcp", encoding="ascii") as lines:
            if any(line.split()[1].endswith(f":{SSH_PORT:04X}") for line in list(lines)[1:]):
                return
        time.sleep(0.01)


def main():
    make_view(json.loads(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans of this host come to us
    for line in sys.stdin:
        subprocess.Popen(json.loads(line), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, restore_signals=True,
                         preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_DFL))
        wait_listening()
        print("listening", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
