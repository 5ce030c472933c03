"""One start of a run: the fleet that trains it, then the one that evaluates it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from rubato_cli.base.console import Console
from rubato_cli.base.failure import RETRYABLE, Failure
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet import keys
from rubato_cli.fleet.builds import Build
from rubato_cli.fleet.child_failure import ChildFailure
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.places import LocalPlaces
from rubato_cli.fleet.remote.hosts import HostAddresses
from rubato_cli.fleet.sockets import LOOPBACK, Addresses, SocketFolder
from rubato_cli.fleet.stop_signals import StopSignals
from rubato_cli.fleet.usage import Usage
from rubato_cli.run import best_epoch, local, metrics, missed
from rubato_cli.run.committed import Snapshot, kept_snapshots, whole_snapshot
from rubato_cli.run.crew import Crew, Flags, Keep, OwnCrew
from rubato_cli.run.engine import Engine, EngineCrew
from rubato_cli.run.history import History
from rubato_cli.run.remote_run import HostsLost, RemoteRun
from rubato_cli.run.rollbacks import RanAway
from rubato_cli.run.servers import has_servers
from rubato_cli.run.serving import Serving
from rubato_cli.run.training import Training
from rubato_cli.run.workers import OtherWorkers


MORE_EVALUATIONS = 2  # after one that was killed
SERVE = "serve"


@dataclasses.dataclass(frozen=True)
class Start:
    """What it is made of."""

    build: Build
    folder: RunFolder
    stop: StopSignals
    sockets: SocketFolder
    worker_flags: Callable[[int], list[str]] = lambda seat: []  # besides those of every training
    engine: Engine | None = None  # who starts servers and workers in place of this launcher
    remote: RemoteRun | None = None  # where the fleets are, if not on this host

    def fleet(self, prefix: str = "") -> Fleet:
        """A new one, whose telemetry and logs begin with `prefix`."""
        places = self.remote.hosts.next_fleet() if self.remote else LocalPlaces(self.build)
        return Fleet(places, lambda name: self.folder.files(prefix, name), self.stop)

    def addresses(self, purpose: str) -> Addresses | HostAddresses:
        """Of the processes of one."""
        config = self.folder.read_json("config.json")["fleet"]
        if self.remote:
            if purpose != SERVE:
                self.remote.hosts.check_room(int(config["servers"]), int(config["workers"]))
            self.remote.hand_out_keys(self.build, config)
            return HostAddresses(self.remote.hosts, config)
        if self.engine and purpose == SERVE:
            # All of it is on this host, wherever those that trained were.
            return Addresses({**config, "transport": "auto", **LOOPBACK}, self.sockets, purpose)
        if self.engine and self.engine.keys:
            return Addresses(config, self.sockets, purpose, self.engine.listen, self.engine.keys)
        if keys.are_needed(config):
            keys.ensure(self.build, self.folder.path)
        return Addresses(config, self.sockets, purpose, self.engine.listen if self.engine else "")

    def whole_snapshot(self, console: Console, newest: int | None = None) -> Snapshot:
        """The newest that can be used, from number `newest` on if that is given."""
        if self.remote is None or not self.remote.scattered:
            return whole_snapshot(self.build, self.folder, console, newest)
        kept = [snapshot for snapshot in self.remote.kept()
                if newest is None or snapshot.number <= newest]
        return kept[-1] if kept else Snapshot(0, 0)

    def kept_snapshots(self) -> list[Snapshot]:
        if self.remote is not None and self.remote.scattered:
            return self.remote.kept()
        return kept_snapshots(self.build, self.folder)


def train_and_evaluate(console: Console, start: Start, resumed: Snapshot | None,
                        left: int) -> dict[str, Any]:
    """All of metrics.json but what names the run and judges it. `left`: clocks after `resumed`."""
    if not has_servers(start.folder.read_json("config.json")):
        with start.fleet() as fleet:
            return local.train(console, start.folder, fleet)
    trained = train(console, start, resumed) if left else _nothing_to_train(start.folder)
    return evaluate(console, start, trained)


def _serve(console: Console, start: Start, used: Snapshot) -> None:
    """Evaluates `used`, with another fleet when a process of the first one dies: it holds nothing
    that is not on the disk."""
    config = start.folder.read_json("config.json")["fleet"]
    for left in reversed(range(min(int(config["restarts"]), MORE_EVALUATIONS) + 1)):
        with start.fleet(f"{SERVE}-") as fleet:
            try:
                Serving(fleet, start.folder, console).run(
                    start.addresses(SERVE), used, "evaluate", [])
                if start.remote:
                    start.remote.fetch("evaluate-0", "evaluation.json")
                return
            except ChildFailure as failure:
                if failure.code != RETRYABLE or failure.said or left == 0:
                    raise
                console.note(f"{failure.sentence}; the evaluation is begun anew")


def _validate(console: Console, start: Start, snapshots: list[Snapshot]) -> None:
    """Makes the validations that were missed. A damaged snapshot cannot be the best epoch's."""
    folder = start.folder
    for snapshot in snapshots:
        if start.whole_snapshot(console, snapshot.number) != snapshot:
            continue
        console.note(f"epoch {missed.epoch(folder, snapshot) + 1}: nobody has validated it; "
                     f"validating its snapshot {snapshot.number}")
        _serve(console, start, snapshot)
        missed.add(folder, snapshot, folder.read_json("evaluation.json"))


def train(console: Console, start: Start, resumed: Snapshot | None) -> dict[str, Any]:
    """Trains the prepared run in start.folder to its last clock; the training part of
    metrics.json."""
    history = History.of(start.folder)
    if start.engine and history.rollbacks.asked_for:
        raise Failure("train.rollback_above starts servers anew, which are an engine's here; leave "
                      "it out")
    usage: dict[str, Usage] = {}
    seconds = 0.0
    begun_at: int | None = None
    while True:
        with start.fleet() as fleet:
            training = Training(fleet, history, console, _recruiter(start, fleet, history))
            why = _try(console, start, history, training, resumed)
        for name, used in training.usage().items():
            usage.setdefault(name, Usage()).join(used)
        seconds += training.seconds
        if begun_at is None:
            begun_at = history.progress.resumed_from
        match why:
            case None:
                break
            case RanAway():
                history.workers.trained()
                history.workers.close("the run went back to an earlier snapshot; ask again")
                resumed = history.rollbacks.go_back(start.build, why, console)
            case HostsLost():
                console.note(f"{why.sentence}; going on with the other hosts")
                resumed = start.whole_snapshot(console)
            case OtherWorkers():
                resumed = history.workers.change(start.build, why, console)
    history.workers.trained()
    history.workers.close()
    history.progress.resumed_from = begun_at
    return metrics.collect(history, seconds, usage)


def _recruiter(start: Start, fleet: Fleet, history: History) -> Callable[[Keep], Crew]:
    config = start.folder.read_json("config.json")["fleet"]
    engine = start.engine
    if engine is not None:
        return lambda _: EngineCrew(engine, start.folder, config)
    factor = history.rollbacks.factor
    flags = Flags(start.worker_flags,
                  () if factor == 1.0 else ("--rate-factor", repr(factor)),
                  start.remote.fixed if start.remote else "")
    return lambda keep: OwnCrew(fleet, config, keep, flags)


def _try(console: Console, start: Start, history: History, training: Training,
         resumed: Snapshot | None) -> RanAway | OtherWorkers | HostsLost | None:
    """Trains to the last clock; returns why another training is to follow, if one is: it ran away
    and may go back, other workers are wanted, those that were do not work, or a host that it cannot
    do without is lost."""
    addresses = start.addresses("train")
    addresses.warn(console)
    try:
        return training.run(addresses, resumed)
    except RanAway as away:
        return away
    except Failure as failure:
        if start.stop.count:
            raise
        if (isinstance(failure, ChildFailure) and failure.ran_away
                and history.rollbacks.asked_for):
            return RanAway(failure.said)
        if start.remote and start.remote.can_move():
            return HostsLost(failure.sentence)
        if history.workers.on_trial:
            return history.workers.stay(failure.sentence)
        raise


def _nothing_to_train(folder: RunFolder) -> dict[str, Any]:
    """The training part of metrics.json when an earlier start ended after its last commit."""
    history = History.of(folder)
    history.progress.resumed_from = history.progress.last_clock
    return metrics.collect(history, 0.0, {})


def evaluate(console: Console, start: Start, trained: dict[str, Any]) -> dict[str, Any]:
    """Evaluates the snapshot that the run uses; `trained` with that makes metrics.json."""
    folder = start.folder
    config = folder.read_json("config.json")
    wanted = None
    if config["train"]["best_epoch"]:
        kept = start.kept_snapshots()
        _validate(console, start, missed.snapshots(folder, kept))
        wanted = best_epoch.snapshot(folder, kept)
    used = start.whole_snapshot(console, wanted)
    per_epoch = int(folder.read_json("job.json")["iterations_per_epoch"])
    more: dict[str, dict[str, Any]] = {
        "train": {"epoch_used": (used.clock + 1) // per_epoch,
                  "snapshot_used": None if wanted is None else used.number},
        "validation": best_epoch.validation(folder, used.clock)}
    console.note("evaluating")
    _serve(console, start, used)
    return metrics.finish(trained, folder.read_json("evaluation.json"), more)
