"""`rubato render kubernetes RUN`: manifests of the fleet of a run file."""

from __future__ import annotations

import argparse
import os
import pathlib
from typing import Any

from rubato_cli.base import console, system_error
from rubato_cli.base.failure import DONE, FATAL, Failure
from rubato_cli.commands.arguments import add_settings, add_speech, setting_flags
from rubato_cli.commands.session import Command, Session
from rubato_cli.files import target
from rubato_cli.render import guide, kubernetes, wishes, yaml
from rubato_cli.render.plan import DATA, Placement, Plan, Storage
from rubato_cli.run import data_tool
from rubato_cli.run.servers import has_servers

# Keys of the run file that name files.
PATHS = ("data.path", "data.test_path", "data.labels", "data.test_labels", "data.join.path")
# Of [fleet]: where its processes meet, which the manifests say. A run file goes before an
# environment, so what it says is taken back.
MEETING = {"transport": "auto", "host": "127.0.0.1", "interface": "", "port": 0, "ports": ""}
ACCESS = ("ReadWriteMany", "ReadWriteOnce")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    engines = parser.add_subparsers(dest="engine", metavar="ENGINE", required=True)
    child = engines.add_parser("kubernetes", help="plain manifests, for kubectl apply -k",
                               description="Plain manifests, for kubectl apply -k.")
    child.add_argument("run", metavar="RUN", help="run file (TOML)")
    child.add_argument("--out", metavar="FOLDER",
                       help="where the files go; left out: all of it to stdout")
    add_settings(child)
    child.add_argument("--name", help="of the fleet, and what all names begin with; default: the "
                       "run file's")
    child.add_argument("--namespace", default="", help="default: that of who applies it")
    child.add_argument("--image", default="rubato", help="made by launch/kubernetes/Dockerfile")
    child.add_argument("--pull-secret", action="append", default=[], metavar="NAME",
                       help="to pull the image with; may be repeated")
    _add_volumes(child)
    _add_places(child)
    add_speech(child, argparse.SUPPRESS)


def _add_volumes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="VOLUME", help="where pods find the files that the run "
                        "file names: pvc:CLAIM, hostPath:/PATH or nfs:SERVER:/PATH")
    parser.add_argument("--data-root", metavar="FOLDER",
                        help="the folder here that holds what VOLUME holds there; default: "
                        "$RUBATO_DATA_DIR, or the run file's")
    parser.add_argument("--storage-class", default="", metavar="NAME",
                        help="of all claims; default: the cluster's")
    parser.add_argument("--storage-size", default="10Gi", metavar="SIZE",
                        help="of a pod's claim, and of that of the snapshots (10Gi)")
    parser.add_argument("--snapshot-access", choices=ACCESS, default=ACCESS[0],
                        help="of the claim that scheduler and servers share; ReadWriteOnce does "
                        f"where they are all on one node ({ACCESS[0]})")


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resources", action="append", default=[], metavar="ROLE:cpu=2,memory=4Gi",
                        help="of each scheduler, server or worker; gpus=N too. May be repeated")
    parser.add_argument("--node-selector", action="append", default=[], metavar="KEY=VALUE",
                        help="only nodes with this label; may be repeated")
    parser.add_argument("--toleration", action="append", default=[], metavar="KEY[=VALUE]:EFFECT",
                        help="also nodes with this taint; may be repeated")


def _run(arguments: argparse.Namespace, session: Session) -> int:
    config = data_tool.ask(session.find_build(),
                           ["config", arguments.run, *setting_flags(arguments.set)])
    if not has_servers(config):
        raise Failure(f"{arguments.run}: fleet.servers = 0 trains in one process, so there is no "
                      "fleet to render; run `rubato train` in a Job of your own")
    plan = _plan(arguments, session, config)
    files = kubernetes.files(plan)
    folder = arguments.out or "FOLDER"
    lines = guide.lines(plan, folder)
    if arguments.out:
        _write(pathlib.Path(arguments.out), files)
        session.console.result([f"{folder}: {', '.join(files)}", *lines],
                               {"folder": arguments.out, "files": files, "guide": lines})
    elif arguments.json:
        session.console.result([], {"files": files, "guide": lines})
    else:
        manifests = [one for name, many in files.items() if name != "kustomization.yaml"
                     for one in many]
        console.answer(yaml.documents(manifests))
    return DONE


def _plan(arguments: argparse.Namespace, session: Session, config: dict[str, Any]) -> Plan:
    on_gpus = str(config["device"]).startswith("cuda")
    mounted = _mounted(arguments, session, config)
    return Plan(
        name=wishes.name(arguments.name, "the fleet's name") if arguments.name
        else wishes.default_name(pathlib.Path(arguments.run).stem),
        namespace=arguments.namespace, image=arguments.image,
        run_file=_text(pathlib.Path(arguments.run)),
        settings=[*arguments.set, *mounted, *_met_elsewhere(config["fleet"])],
        on_gpus=on_gpus, fleet=config["fleet"],
        storage=Storage(
            data=wishes.volume(arguments.data) if arguments.data else None,
            claim_class=arguments.storage_class, size=wishes.size(arguments.storage_size),
            snapshots_access=arguments.snapshot_access),
        placement=Placement(
            node_selector=dict(wishes.selector(text) for text in arguments.node_selector),
            tolerations=[wishes.toleration(text) for text in arguments.toleration],
            pull_secrets=arguments.pull_secret,
            resources=wishes.resources(arguments.resources, int(on_gpus))))


def _mounted(arguments: argparse.Namespace, session: Session,
             config: dict[str, Any]) -> list[str]:
    """The settings that give each file of the run file its path in a pod."""
    home = pathlib.Path(arguments.run).absolute().parent
    paths = {key: os.path.abspath(home / path) for key in PATHS if (path := _value(config, key))}
    if not paths:
        return []
    if not arguments.data:
        raise Failure(f"{next(iter(paths.values()))}: say where pods find it: --data pvc:CLAIM, "
                      "hostPath:/PATH or nfs:SERVER:/PATH")
    given = [arguments.data_root] if arguments.data_root else [
        folder for folder in (session.environment.get("RUBATO_DATA_DIR"), home) if folder]
    for root in map(os.path.abspath, given):
        if all(os.path.commonpath((root, path)) == root for path in paths.values()):
            return [f"{key}={DATA}/{os.path.relpath(path, root)}" for key, path in paths.items()]
    raise Failure(f"{', '.join(paths.values())}: not all in {' or '.join(map(str, given))}; name "
                  "with --data-root the folder here that holds what the volume holds")


def _met_elsewhere(fleet: dict[str, Any]) -> list[str]:
    return [f"fleet.{key}={default}" for key, default in MEETING.items()
            if fleet.get(key, default) != default]


def _value(config: dict[str, Any], key: str) -> str:
    value: Any = config
    for part in key.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)


def _text(path: pathlib.Path) -> str:
    with system_error.about(path):
        try:
            return path.read_bytes().decode()
        except UnicodeDecodeError as error:
            raise Failure(f"{path}: is not UTF-8, and nothing else can stand in a ConfigMap",
                          FATAL) from error


def _write(folder: pathlib.Path, files: dict[str, list[dict[str, Any]]]) -> None:
    with system_error.about(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, documents in files.items():
        target.write(folder / name, yaml.documents(documents))


COMMAND = Command("render", "write what an engine places a fleet by", _add_arguments, _run)
