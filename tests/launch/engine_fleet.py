"""A fleet as an engine starts it (Slurm, a kubelet, systemd): processes by themselves, with nothing
but an environment, and nobody above them."""

import json
import socket
import subprocess

from processes import DEADLINE_SECONDS, heed_signals, wait_until


def free_address():
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


class EngineFleet:
    """Whoever leaves the `with` block leaves no process behind."""

    def __init__(self, folder):
        """`folder`: for what the processes write to stdout (NAME.jsonl) and stderr (NAME.log)."""
        self.folder = folder
        self.processes = {}
        folder.mkdir()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.kill()
            process.wait()

    def start(self, name, command, environment, sandbox=None):
        """`sandbox`: called by the process before it becomes `command`."""
        def prepare():
            heed_signals()
            if sandbox:
                sandbox()

        with (open(self.folder / f"{name}.jsonl", "wb") as out,
              open(self.folder / f"{name}.log", "wb") as log):
            self.processes[name] = subprocess.Popen(
                [str(word) for word in command], stdout=out, stderr=log, stdin=subprocess.DEVNULL,
                env={name: str(value) for name, value in environment.items()},
                preexec_fn=prepare)

    def end(self, name):
        """Exit code of one that ends by itself."""
        return self.processes[name].wait(timeout=DEADLINE_SECONDS)

    def stop(self, name):
        """Exit code after a SIGTERM."""
        self.processes[name].terminate()
        return self.end(name)

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    def wait_for_log(self, name, words):
        wait_until(lambda: words in self.log(name) or self.processes[name].poll() is not None)
        if words not in self.log(name):
            raise AssertionError(f"{name} ended and never said '{words}': {self.log(name)}")

    def events(self, name, kind):
        told = []
        for line in (self.folder / f"{name}.jsonl").read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                told.append(json.loads(line))
        return [event for event in told if event["event"] == kind]

    def wait_for(self, name, kind):
        """The first event of a kind."""
        wait_until(lambda: self.events(name, kind) or self.processes[name].poll() is not None)
        found = self.events(name, kind)
        if not found:
            raise AssertionError(f"{name} ended before it told of {kind}: {self.log(name)}")
        return found[0]
