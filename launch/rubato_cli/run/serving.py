"""Reading a trained model: a fresh small fleet that serves a committed snapshot to one reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rubato_cli.base import units
from rubato_cli.base.console import Console
from rubato_cli.base.events import Event, NoveltyEvent, ProgressEvent, WarningEvent
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet import open_files
from rubato_cli.fleet.child import Child
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.sockets import Addresses
from rubato_cli.run.committed import Snapshot


class Serving:
    """A fleet on one committed snapshot, for one reader."""

    def __init__(self, fleet: Fleet, folder: RunFolder, console: Console) -> None:
        self._fleet = fleet
        self._folder = folder
        self._console = console
        self._novelties: list[dict[str, Any]] = []
        self._run_flags: Callable[[str], list[str]] = lambda run: ["--run", run]
        fleet.on_event = self._take

    def run(self, addresses: Addresses, snapshot: Snapshot, verb: str,
            arguments: list[str]) -> list[dict[str, Any]]:
        """Starts scheduler and servers, runs the worker command `verb arguments` to its end, and
        ends the fleet. Returns what it told of the rows it read."""
        self._run_flags = addresses.run_flags
        config = self._folder.read_json("config.json")["fleet"]
        open_files.need(2 + int(config["servers"]))
        scheduler = self._fleet.start("scheduler-0", "rubato-scheduler",
                                      [*self._folder_of("scheduler-0"), "--serve",
                                       "--listen", addresses.scheduler(), *snapshot.arguments()])
        address = self._fleet.wait_listening(scheduler)
        servers = [
            self._fleet.start(f"server-{index}", "rubato-server",
                              [*self._folder_of(f"server-{index}"),
                               "--scheduler", address, "--serve", "--listen",
                               addresses.server(index), "--server", str(index)])
            for index in range(int(config["servers"]))]
        for server in servers:
            self._fleet.wait_listening(server)
        worker = self._fleet.start(f"{verb}-0", "rubato-worker",
                                   [verb, *self._folder_of(f"{verb}-0"), "--scheduler", address,
                                    *arguments])
        self._fleet.may_end(worker, 0)
        while worker.running:
            self._fleet.step()
        self._fleet.end([scheduler, *servers])
        return self._novelties

    def _folder_of(self, name: str) -> list[str]:
        return self._run_flags(self._fleet.places.there(name, self._folder.path))

    def _take(self, child: Child, event: Event) -> None:
        match event:
            case NoveltyEvent():
                self._novelties.append(event.told())
            case ProgressEvent():
                self._console.live(f"{child.name.split('-')[0]}: {units.rows(event.rows)}")
            case WarningEvent():
                self._console.note(f"warning: {event.message}")
