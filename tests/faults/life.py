#!/usr/bin/env -S python3 -ISB
"""Begins a life of a process under chaos: draws the options that may differ from one life to the
next, and becomes the product's program with them.

Started under the program's name from the fleet's folder of programs, beside plan.json
(chaos_fleet.py). What was drawn is written down, a line a life: lives/NAME.
"""

import ctypes
import json
import os
import random
import resource
import socket
import sys

CLONE_NEWNET = 0x40000000
# Below those that the system gives to whoever connects.
PORTS = range(20_000, 32_000, 4)


def ask(path, *words):
    """The proxy's answer (chaos_proxy_main.cc)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as proxy:
        proxy.connect(path)
        proxy.sendall(" ".join(map(str, words)).encode())
        answer = b""
        while more := proxy.recv(1 << 16):
            answer += more
    return answer.decode().strip()


class Life:
    def __init__(self, plan, program, arguments):
        self.plan = plan
        self.arguments = arguments
        role = program.removeprefix("rubato-")
        self.name = {"scheduler": lambda: "scheduler-0",
                     "server": lambda: f"server-{self._option('--server')}",
                     "worker": lambda: f"worker-{self._option('--seat')}"}[role]()
        self.kept = os.path.join(plan["lives"], self.name)
        self.starts = self._starts()
        self.rng = random.Random(f"{plan['seed']} {self.name} {self.starts}")
        self.host = plan["hosts"][self.name]
        self.drawn = {"pid": os.getpid()}
        if role != "scheduler":
            self._draw_way_to_scheduler()
        if role == "server":
            self._draw_listening()
        self._draw_files(plan["fewest"][role])
        self._draw_processor()

    def begin(self, program):
        """Never returns."""
        with open(self.kept, "a", encoding="utf-8") as kept:
            kept.write(json.dumps(self.drawn) + "\n")
        real = self.plan["programs"][program]
        os.execv(real, [sys.argv[0], *self.arguments])

    def enter_host(self):
        """Its network from here on; a process of the fleet has one for all its lives."""
        if self.host["namespace"]:
            namespace = os.open(self.host["namespace"], os.O_RDONLY)
            if ctypes.CDLL(None).setns(namespace, CLONE_NEWNET) != 0:
                sys.exit("cannot enter the network namespace")
            os.close(namespace)

    def _starts(self):
        try:
            with open(self.kept, encoding="utf-8") as kept:
                return len(kept.readlines())
        except FileNotFoundError:
            return 0

    def _option(self, name):
        return self.arguments[self.arguments.index(name) + 1]

    def _set(self, name, value):
        self.arguments[self.arguments.index(name) + 1] = value

    def _draw_way_to_scheduler(self):
        self.drawn["scheduler"] = self.rng.choice(("direct", "behind the proxy"))
        if self.drawn["scheduler"] != "direct":
            host, port = self._option("--scheduler").removeprefix("tcp://").split(":")
            here = self.plan["hub"]["scheduler"]
            opened = ask(self.plan["proxy"], "open", f"{self.name}-to-scheduler", here, host, port,
                         1)
            self._set("--scheduler", f"tcp://{here}:{int(opened)}")

    def _draw_listening(self):
        self.drawn["listens"] = self.rng.choices(
            ("ipc", "tcp, any port", "tcp, a given port", "tcp behind the proxy"), (1, 1, 2, 4))[0]
        if self.drawn["listens"] == "ipc":
            self._set("--listen", f"ipc://{self.plan['sockets']}/{self.name}.{self.starts}")
        elif self.drawn["listens"] == "tcp, any port":
            self._set("--listen", f"tcp://{self.host['address']}:0")
        else:
            self.enter_host()
            port = self._free_ports()
            self.drawn["address"] = [self.host["address"], port]
            self._set("--listen", f"tcp://{self.host['address']}:{port}")
        if self.drawn["listens"] == "tcp behind the proxy":
            here = self.plan["hub"]["server"]
            opened = ask(self.plan["proxy"], "open", f"to-{self.name}", here,
                         self.host["address"], port, 2)
            self.arguments += ["--advertise", f"tcp://{here}:{int(opened)}"]

    def _free_ports(self):
        """The first of two."""
        while True:
            port = self.rng.choice(PORTS)
            with socket.socket() as first, socket.socket() as second:
                try:
                    first.bind((self.host["address"], port))
                    second.bind((self.host["address"], port + 1))
                    return port
                except OSError:
                    continue

    def _draw_files(self, fewest):
        spare = self.rng.choice((None, None, None, 0, 2, 8))
        self.drawn["open files"] = "unlimited" if spare is None else "as few as it can start with"
        if spare:
            self.drawn["open files"] = "few"
        if spare is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (fewest + spare, fewest + spare))

    def _draw_processor(self):
        processors = sorted(os.sched_getaffinity(0))
        one = self.rng.choice((None, None, None, *processors))
        self.drawn["processors"] = "all" if one is None else "one"
        if one is not None:
            os.sched_setaffinity(0, {one})


def main():
    folder, program = os.path.split(sys.argv[0])
    with open(os.path.join(folder, "plan.json"), encoding="utf-8") as file:
        life = Life(json.load(file), program, sys.argv[1:])
    life.enter_host()
    life.begin(program)


if __name__ == "__main__":
    main()
