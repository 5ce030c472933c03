"""`rubato train RUN --out DIR`: prepare, train, evaluate, metrics.json, report.html."""

from __future__ import annotations

import argparse

from rubato_cli.base.failure import Failure
from rubato_cli.commands import own_training, slurm_job
from rubato_cli.commands.arguments import add_settings, setting_flags
from rubato_cli.commands.session import Command, Session
from rubato_cli.run import data_tool, remote_run

LOCAL, SSH, SLURM = LAUNCHERS = ("local", remote_run.KIND, "slurm")


def add_fleet(parser: argparse.ArgumentParser, launchers: tuple[str, ...]) -> None:
    """What says which run is trained, and where."""
    parser.add_argument("run", metavar="RUN", help="run file (TOML)")
    parser.add_argument("--out", required=True, metavar="DIR",
                        help="folder to write, new unless --resume")
    add_settings(parser)
    parser.add_argument("--resume", action="store_true",
                        help="go on from the last committed snapshot in DIR")
    parser.add_argument("--launcher", choices=launchers,
                        help="who starts the processes (default: launch.kind of RUN)")
    parser.add_argument("--hosts", metavar="FILE",
                        help="with --launcher ssh: names them (default: launch.hosts of RUN)")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_fleet(parser, LAUNCHERS)
    parser.add_argument("--dry-run", action="store_true",
                        help="print what would be submitted, and submit nothing")
    for name, words in (("", "the whole job"), ("-servers", "the servers' part"),
                        ("-workers", "the workers' part")):
        parser.add_argument(f"--slurm{name}-option", action="append", default=[],
                            metavar="=OPTION", help=f"of sbatch, for {words}; may be repeated")


def resolve(arguments: argparse.Namespace, session: Session) -> tuple[str, dict[str, Any]]:
    """The launcher, and the resolved run file; the flags that say on which hosts processes are
    become settings."""
    if arguments.launcher == SSH:
        arguments.set.append(f"launch.kind={SSH}")
    if arguments.hosts:
        arguments.set.append(remote_run.host_setting(arguments.hosts))
    config = data_tool.ask(session.find_build(), ["config", arguments.run,
                                                  *setting_flags(arguments.set)])
    return arguments.launcher or str(config["launch"]["kind"]), config


def train(kind: str, arguments: argparse.Namespace, config: dict[str, Any],
          session: Session) -> int:
    """With launcher `kind`, which is LOCAL or SSH."""
    if kind == SSH:
        return own_training.train_on_hosts(arguments, config, session)
    return own_training.train(arguments, session, None)


def _run(arguments: argparse.Namespace, session: Session) -> int:
    kind, config = resolve(arguments, session)
    if kind == SLURM:
        return slurm_job.run(arguments, config, session)
    if (arguments.dry_run or arguments.slurm_option or arguments.slurm_servers_option
            or arguments.slurm_workers_option):
        raise Failure(f"--dry-run and --slurm-*option are for --launcher {SLURM}, and this is "
                      f"{kind}; leave them out")
    if kind not in LAUNCHERS:
        raise Failure(f"launch.kind = \"{kind}\" is no launcher of `rubato train`; use one of "
                      f"{', '.join(LAUNCHERS)}")
    return train(kind, arguments, config, session)


COMMAND = Command("train", "train the model of a run file", _add_arguments, _run)
