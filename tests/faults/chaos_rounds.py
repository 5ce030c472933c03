"""The rounds of tests/chaos: which faults there are, how the seed deals them out, and how long
nobody pushed under each."""

import collections
import os
import random
import signal
import time

from chaos_fleet import ROLES
from hosts import HUB, HUB_ADDRESSES

LOOK_SECONDS = 0.02
GIVE_UP_SECONDS = 120.0
SETTLE_SECONDS = 2.0  # beyond leases: what a process takes to start and to be found dead

# How often, of as many rounds as the numbers add up to.
ROUNDS = {"processes": 10, "both": 8, "network": 2}
PROCESS_FAULTS = {
    "kill": 4, "kill two roles": 5, "kill two at once": 3, "kill all servers": 2,
    "kill all workers": 2, "kill one of each": 2, "kill twice": 5, "freeze a little": 1,
    "freeze beyond a lease": 1}
LINK_FAULTS = {
    "late bytes": 2, "few bytes a second": 2, "nothing passes": 2, "nothing passes one way": 2,
    "message cut short": 4, "reset": 3, "connections refused": 2, "reset again and again": 2,
    "strangers connect": 2}
PARTITIONS = {
    "workers and servers parted": 2, "workers and scheduler parted": 2,
    "servers and scheduler parted": 2}
DISK_FAULTS = {"full disk": 3}


class Deck:
    """Deals the kinds of a table, each as often as it says, in an order that only the seed decides:
    what else is drawn depends on what the fleet does."""

    def __init__(self, kinds, seed):
        self._cards = [kind for kind, count in kinds.items() for _ in range(count)]
        self._rng = random.Random(f"{seed} {sorted(kinds)}")
        self._left = []

    def deal(self):
        if not self._left:
            self._left = self._rng.sample(self._cards, len(self._cards))
        return self._left.pop()


class Lasting:
    """A fault that goes on for a while: `seconds`, then `end` is called."""

    def __init__(self, what, seconds=0.0, end=lambda: None):
        self.what = what
        self.seconds = seconds
        self.end = end


Stall = collections.namedtuple("Stall", "seconds bound what kinds")


class Chaos:
    """`partitions`, `disk`: whether hosts can be parted; the SmallDisk, or None."""

    def __init__(self, fleet, options, partitions, disk):
        self.fleet = fleet
        self.rng = random.Random(options.seed)
        self.lease = options.lease
        self.disk = disk
        self.faults = collections.Counter()
        self.kills = collections.Counter()
        self.unacknowledged = []  # pushes at each kill, of all workers and shards together
        self.stalls = []  # of each round
        self._rounds = Deck(ROUNDS, options.seed)
        self._process_faults = Deck(PROCESS_FAULTS, options.seed)
        self._others = Deck(LINK_FAULTS | (PARTITIONS if partitions else {})
                            | (DISK_FAULTS if disk else {}), options.seed)
        self._sum = 0
        self._moved = time.monotonic()
        self._longest = 0.0
        self._slack = 0  # faults at the same time: a lease each
        self._kinds = []  # of the present round

    def round(self):
        self._longest, self._slack, self._kinds = 0.0, 0, []
        kind, said, lasting = self._rounds.deal(), [], Lasting("")
        begun = time.monotonic()
        if kind != "processes":
            lasting = self._begin_other(self._others.deal())
            said.append(lasting.what)
            self._slack = 1
        seconds = lasting.seconds
        if kind == "both":
            self._pass(self.rng.uniform(0, min(0.5, lasting.seconds)))
        if kind != "network":
            what, froze = self._do(self._process_faults.deal())
            said.append(what)
            seconds += froze
        self._pass(begun + lasting.seconds - time.monotonic())
        lasting.end()
        what = "; ".join(said)
        self.wait_until_all_push(what)
        bound = self.lease * self._slack + SETTLE_SECONDS + seconds
        self.stalls.append(Stall(self._longest, bound, what, tuple(self._kinds)))
        self._pass(self.rng.uniform(0, 0.4))

    # What the fleet does

    def look(self):
        """Notes whether anybody has pushed. The records."""
        records = self.fleet.records()
        pushed = sum(record[3] for _, record in records)
        now = time.monotonic()
        self._longest = max(self._longest, now - self._moved)
        if pushed != self._sum:
            self._sum, self._moved = pushed, now
        return records

    def wait_until_all_push(self, what):
        """Each post has a process, and each worker pushes."""
        options, begun = self.fleet.options, dict(self._pushed_by())
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while True:
            now = self._pushed_by()
            moving = [pid for pid, pushed in now.items() if pushed > begun.get(pid, 0)]
            if (len(moving) == options.workers
                    and len(self.fleet.processes("server")) == options.servers
                    and len(self.fleet.processes("scheduler")) == 1):
                return
            if self.fleet.launcher.poll() is not None:
                raise SystemExit(f"the launcher has ended with {self.fleet.launcher.returncode} "
                                 f"after {what}:\n{self.fleet.said()[-3000:]}")
            if time.monotonic() > deadline:
                raise SystemExit(f"nobody is back {GIVE_UP_SECONDS:.0f} s after {what}:\n"
                                 f"{self.fleet.said()[-3000:]}")
            time.sleep(LOOK_SECONDS)

    def _pushed_by(self):
        return {pid: record[3] for pid, record in self.look()}

    def _pass(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            time.sleep(LOOK_SECONDS)

    def _note_unacknowledged(self):
        places = self.fleet.options.servers * 2
        self.unacknowledged.append(sum(
            max(0, record[3] - applied) for _, record in self.fleet.records()
            for applied in record[4:4 + places]))

    def _note(self, kind):
        self.faults[kind] += 1
        self._kinds.append(kind)

    # Faults of processes: (what was done, the seconds that somebody was frozen)

    def _do(self, kind):
        self._note(kind)
        if kind.startswith("freeze"):
            self._slack += 1
            leases = (0, 0.5) if kind == "freeze a little" else (1.5, 2.5)
            return self._freeze(self.lease * self.rng.uniform(*leases))
        self._slack += 1 if kind == "kill" else 2
        rng, servers = self.rng, self.fleet.options.servers
        if kind == "kill twice":  # the second one while the fleet mends the first
            first = self._kill((rng.choice(ROLES),))
            self._pass(rng.uniform(0, 0.6))
            return f"{first}, then {self._kill((rng.choice(ROLES),))}", 0.0
        roles = {"kill": lambda: (rng.choice(ROLES),),
                 "kill two roles": lambda: rng.sample(ROLES, 2),
                 "kill two at once": lambda: (rng.choice(ROLES[:2]),) * 2,
                 "kill all servers": lambda: ("server",) * servers,
                 "kill all workers": lambda: ("worker",) * self.fleet.options.workers,
                 "kill one of each": lambda: ROLES}[kind]()
        return self._kill(roles), 0.0

    def _kill(self, roles):
        """Kills a process of each of `roles`, different ones."""
        victims = []
        for role in roles:
            left = [pid for pid in self.fleet.processes(role) if pid not in victims]
            if left:
                victims.append(self.rng.choice(left))
                self.kills[role] += 1
        self._note_unacknowledged()
        for pid in victims:
            _send(pid, signal.SIGKILL)
        return "kill of " + " and ".join(roles)

    def _freeze(self, seconds):
        role = self.rng.choice(ROLES)
        pids = self.fleet.processes(role)
        if not pids:
            return f"freeze of no {role}", 0.0
        pid = self.rng.choice(pids)
        _send(pid, signal.SIGSTOP)
        self._pass(seconds)
        _send(pid, signal.SIGCONT)
        return f"freeze of a {role} for {seconds:.1f} s", seconds

    # Faults of links, of the network and of the disk, which go on for a while

    def _begin_other(self, kind):
        self._note(kind)
        if kind in PARTITIONS:
            return self._part(kind)
        if kind in DISK_FAULTS:
            return self._fill_disk()
        return self._fault_of_links(kind)

    def _fault_of_links(self, kind):
        links, rng = self.fleet.links, self.rng
        groups = self._some_groups()
        seconds = self.lease * rng.uniform(0.1, 1.75)
        where = f"{kind}: {', '.join(groups) or 'no link'}"
        if kind == "strangers connect":
            return self._let_strangers_connect()
        if kind == "reset again and again":
            return self._reset_again_and_again(groups, where)
        if kind == "reset":
            links.reset(groups)
        elif kind == "message cut short":
            links.truncate(groups, rng.randrange(2), rng.randrange(1 << 32))
        elif kind == "connections refused":
            links.bend(groups, seconds, held="r")
            links.reset(groups)
        elif kind == "late bytes":
            links.bend(groups, seconds, delay_ms=rng.randint(2, 60))
            return Lasting(where, seconds)
        elif kind == "few bytes a second":
            links.bend(groups, seconds, bytes_per_second=rng.randint(50_000, 500_000))
            return Lasting(where, seconds)
        else:
            links.bend(groups, seconds, held=rng.choice("tb") if kind.endswith("way") else "tb")
        if kind in ("reset", "message cut short"):
            return Lasting(where)
        return Lasting(f"{where}, {seconds:.1f} s", seconds)

    def _some_groups(self):
        """Of one process, or all that lead to a role."""
        groups = self.fleet.links.groups()
        if not groups:
            return []
        if self.rng.random() < 0.7:
            return [self.rng.choice(groups)]
        scheduler = self.rng.random() < 0.5
        return [group for group in groups if group.endswith("to-scheduler") == scheduler] or groups

    def _reset_again_and_again(self, groups, where):
        seconds = self.rng.uniform(0.3, 1.2)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.fleet.links.reset(groups)
            self._pass(0.05)
        return Lasting(f"{where}, {seconds:.1f} s", seconds)

    def _let_strangers_connect(self):
        """More of them than some processes may have files open."""
        addresses = sorted({(name, *lives[-1]["address"]) for name, lives
                            in self.fleet.lives().items() if "address" in lives[-1]})
        if not addresses:
            return Lasting("strangers connect to nobody")
        name, host, port = self.rng.choice(addresses)
        self.fleet.links.flood(host, port, self.rng.randint(20, 200), 1.0)
        return Lasting(f"strangers connect to {name}", 1.0)

    def _part(self, kind):
        """Some or all of the one role from all of the other, one way or both."""
        hosts, rng = self.fleet.hosts, self.rng
        one, other = {"workers and servers parted": ("worker", "server"),
                      "workers and scheduler parted": ("worker", "scheduler"),
                      "servers and scheduler parted": ("server", "scheduler")}[kind]
        names, others = self.fleet.names(one), self.fleet.names(other)
        some = rng.sample(names, rng.randint(1, len(names)))
        seconds = self.lease * rng.uniform(0.1, 1.75)
        ways = rng.choice(("both ways", "one way", "the other way"))
        if ways != "the other way":
            hosts.cut(some, [*others, HUB_ADDRESSES[other]])
        if ways != "one way":
            hosts.cut(others, some)
            hosts.cut([HUB], some)
        return Lasting(f"{' and '.join(some)} parted from {other}s {ways} for {seconds:.1f} s",
                       seconds, hosts.heal)

    def _fill_disk(self):
        seconds = self.rng.uniform(0.5, 2.5)
        self.disk.fill()
        return Lasting(f"full disk for {seconds:.1f} s", seconds, self.disk.free)


def _send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
