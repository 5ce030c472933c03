"""The script of a job that is a fleet: what `sbatch` is given.

A heterogeneous job of two components: the first one runs `rubato head` in its batch step and the
servers as tasks, the second one the workers. All that a task needs is in its environment. Who dies
is followed by another in its task; a node that dies takes the job with it, Slurm requeues it, and
the head goes on from the last snapshot.

What ends the batch step decides what comes then: SIGTERM (the end of the job's time, preemption)
is a snapshot, and the job is queued again; SIGINT is a snapshot, and the end; SIGUSR1 is a
snapshot. Tasks hear none of them, as a snapshot needs them all.
"""

from __future__ import annotations

import dataclasses
import pathlib
import shlex

from rubato_cli.fleet import keys

FILE = "slurm.sh"
LOG = "slurm.log"
ADDRESS = "scheduler.address"
SNAPSHOT_SECONDS = 120  # before the end of the job's time
COME_SECONDS = 120  # from the first task to the last
LEAVE_SECONDS = 10  # who has been told that it is over


@dataclasses.dataclass(frozen=True)
class Options:
    """Of sbatch, each a line as it is."""

    all: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class FleetJob:
    """A prepared run, and what trains it. Paths are absolute, and the same on every node."""

    folder: pathlib.Path
    rubato: pathlib.Path
    programs: pathlib.Path
    servers: int
    workers: int
    restarts: int  # of one task
    options: Options = Options()


def render(job: FleetJob) -> str:
    """The script."""
    words = {"folder": _word(job.folder), "rubato": _word(job.rubato),
             "programs": _word(job.programs), "servers": str(job.servers),
             "workers": str(job.workers), "restarts": str(job.restarts),
             "come": str(COME_SECONDS), "leave": str(LEAVE_SECONDS), "address": ADDRESS,
             "keys": f"{keys.FOLDER}/{keys.LIST}", "key_folder": keys.FOLDER}
    text = _BODY
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    return "#!/bin/bash\n" + "".join(f"#SBATCH {line}\n" for line in _options(job)) + text


def _options(job: FleetJob) -> list[str]:
    """Those of the user come last, and so they count."""
    log = str(job.folder / LOG).replace("%", "%%")
    return [f"--job-name={_word(job.folder.name)}", f"--output={_word(log)}",
            "--open-mode=append", "--requeue", f"--signal=B:TERM@{SNAPSHOT_SECONDS}",
            f"--ntasks={job.servers}", *job.options.all, *job.options.servers,
            "hetjob", f"--ntasks={job.workers}", *job.options.all, *job.options.workers]


def _word(text: object) -> str:
    """One word, of a shell and of sbatch."""
    return shlex.quote(str(text))


_BODY = r"""
# A fleet of Rubato. It goes on from its last snapshot whenever it is submitted again.
export RUBATO_BIN=@programs@ RUBATO_RUN=@folder@

# The address by which Slurm itself finds this node.
address() { scontrol -o show node "$SLURMD_NODENAME" | sed 's/.* NodeAddr=\([^ ]*\).*/\1/'; }

# Where the fleet needs keys, the head makes them in the run's folder, where all nodes find them.
find_keys() { [ ! -e "$RUBATO_RUN/@keys@" ] || export RUBATO_KEYS="$RUBATO_RUN/@key_folder@"; }

# One server or worker, in its task, until its end is no death that another could do better than.
task() {
  trap "" TERM INT HUP
  name=$1-$SLURM_PROCID
  shift
  RUBATO_LISTEN=tcp://$(address):0
  export RUBATO_LISTEN
  for ((start = 0; start <= @restarts@; ++start)); do
    printf '{"event": "launched", "wall_ms": %s}\n' "$(date +%s%3N)"
    "$@"
    code=$?
    case $code in 0 | 2 | 4 | 75) break ;; esac
    sleep 1
  done >>"$RUBATO_RUN/telemetry/$name.jsonl" 2>>"$RUBATO_RUN/logs/$name.log"
  return $code
}
export -f address task

stop=
head=
trap 'stop=requeue; kill -HUP $head' TERM
trap 'stop=end; kill -HUP $head' INT
trap 'kill -USR1 $head' USR1

rm -f "$RUBATO_RUN/@address@"
find_keys
# Slurm may send a SIGTERM to all of a job, more than once: what counts is what is told here.
(
  trap "" TERM INT
  exec @rubato@ head "$RUBATO_RUN/run.toml" --out "$RUBATO_RUN" --wait @come@ \
    --set fleet.transport=tcp --set "fleet.host=$(address)"
) &
head=$!
until [ -e "$RUBATO_RUN/@address@" ] || ! kill -0 $head 2>/dev/null; do sleep 0.2; done

if kill -0 $head 2>/dev/null; then
  RUBATO_SCHEDULER=$(cat "$RUBATO_RUN/@address@")
  export RUBATO_SCHEDULER
  find_keys
  # --overlap: what Slurm still counts of a step that a lost node took with it keeps nobody out.
  srun --het-group=0 --ntasks=@servers@ --overlap --kill-on-bad-exit=0 --wait=0 \
    bash -c 'task server "$RUBATO_BIN/rubato-server"' &
  tasks=$!
  srun --het-group=1 --ntasks=@workers@ --overlap --kill-on-bad-exit=0 --wait=0 \
    bash -c 'task worker "$RUBATO_BIN/rubato-worker" train' &
  tasks="$tasks $!"
  while kill -0 $head 2>/dev/null; do wait $head; done # a signal ends a wait early
  # Tasks end by themselves, as all has been told to them; but srun waits for those of a node that
  # is lost until Slurm knows it.
  for signal in 0 TERM KILL; do
    for ((tenth = 0; tenth < 10 * @leave@; ++tenth)); do
      kill -$signal $tasks 2>/dev/null || break 2
      signal=0
      sleep 0.1
    done
  done
fi
wait $head
code=$?
# A job that somebody cancels, or that Slurm requeues, runs no more.
if [ $code = 75 ] && [ "$stop" = requeue ] &&
  [ "$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T | head -1)" = RUNNING ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit $code
"""
