"""Reading a trained model: a fresh small fleet that serves a committed snapshot to one reader."""

from __future__ import annotations

from rubato_cli.base import units
from rubato_cli.base.console import Console
from rubato_cli.base.events import Event
from rubato_cli.files.run_folder import RunFolder
from rubato_cli.fleet import open_files
from rubato_cli.fleet.child import Child
from rubato_cli.fleet.committed import Snapshot
from rubato_cli.fleet.fleet import Fleet
from rubato_cli.fleet.sockets import Addresses
from rubato_cli.fleet.training import start_servers


def serve(fleet: Fleet, folder: RunFolder, addresses: Addresses, snapshot: Snapshot,
          reader: tuple[str, list[str]], console: Console) -> list[Event]:
    """Starts scheduler and servers on `snapshot`, runs the worker command `reader` (its verb and
    arguments) to its end, and ends the fleet. Returns what it told of the rows it read."""
    verb, arguments = reader
    open_files.need(2 + int(folder.read_json("config.json")["fleet"]["servers"]))
    run = ["--run", str(folder.path)]
    novelties: list[Event] = []

    def hear(child: Child, event: Event) -> None:
        if event["event"] == "novelty":
            novelties.append({key: value for key, value in event.items()
                              if key not in ("event", "process", "time_ms")})
        else:
            _show(child, event, console)

    fleet.on_event = hear
    scheduler = fleet.start("scheduler-0", "rubato-scheduler",
                            [*run, "--listen", addresses.scheduler(), "--serve",
                             *snapshot.arguments()])
    address = fleet.wait_listening(scheduler)
    servers = start_servers(fleet, folder, addresses, ["--scheduler", address, "--serve"])
    worker = fleet.start(f"{verb}-0", "rubato-worker",
                         [verb, *run, "--scheduler", address, *arguments])
    fleet.may_end(worker, 0)
    while worker.running:
        fleet.step()
    fleet.end([scheduler, *servers])
    return novelties


def _show(child: Child, event: Event, console: Console) -> None:
    if event["event"] == "progress":
        console.live(f"{child.name.split('-')[0]}: {units.rows(int(event.get('rows', 0)))}")
    elif event["event"] == "warning":
        console.note(f"warning: {event.get('message', '')}")
