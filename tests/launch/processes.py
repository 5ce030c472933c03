"""What tests ask of processes: whether they live, and to wait until they do what they should."""

import contextlib
import os
import pathlib
import signal
import time

DEADLINE_SECONDS = 240.0  # of a hung test; a busy machine needs a tenth of it


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed_signals():
    """For preexec_fn: who runs the tests may ignore signals (nohup, a background job), and what is
    ignored stays so."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.01)


def read_until(words, lines, seconds=DEADLINE_SECONDS):
    """Reads `lines` of text to the first with `words`; it is a failure to end before, or to say
    nothing of the kind for so long. For the main thread, as signals are."""
    read = []

    def give_up(*_):
        raise AssertionError(f"waited in vain for '{words}': {''.join(read)}")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        for line in iter(lines.readline, ""):
            if words in line:
                return
            read.append(line)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    raise AssertionError(f"ended and never said '{words}': {''.join(read)}")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def signal_all(launcher, children, number):
    """The launcher last: it ends its children, and whoever has ended needs no signal."""
    for pid in (*children, launcher):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def processes_that_name(text):
    """Process ids whose command line holds `text`, the caller's own excepted."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in words and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found
