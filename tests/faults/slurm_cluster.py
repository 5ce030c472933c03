"""A Slurm of three nodes on loopback: munged, slurmctld and a slurmd for each node, from a scratch
folder of its own; nothing of the machine's own Slurm is touched, and nothing is left.

Debian's slurmd can be several on one host (slurmd -N NAME). Nodes share the machine and its disk,
as the nodes of a cluster share a file system.

A node dies in two ways: with all of the job on it, as a host that lost its power; or without, as
one that only the network lost: what ran there lives on, and nobody knows (a zombie).
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from rubato_cli.fleet.process import die_with_parent

NODES = ("n1", "n2", "n3")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "scontrol", "squeue")
START_SECONDS = 60.0
FREE_SECONDS = 30.0  # for what ends by itself once it is cancelled
LOOK_SECONDS = 0.1

# The two minutes for which a requeued job waits are those of a credential (cred_expire), and a
# heterogeneous job is started by the backfill alone (bf_interval).
CONFIGURATION = """\
ClusterName=rubato
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SlurmdTimeout=6
MessageTimeout=5
KillWait=5
SchedulerParameters=bf_interval=1,sched_min_interval=100000
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 RealMemory=8000\n"
PARTITION = "PartitionName=main Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP\n"


class NoSlurm(Exception):
    """A sentence that says why there is none."""


class SlurmCluster:
    """Owned by the thread that made it, whose end is that of the daemons. `environment`: of who
    calls sbatch and its like."""

    def __init__(self, folder):
        """`folder`: new, and readable to all. Raises NoSlurm."""
        _check_possible()
        self._folder = pathlib.Path(folder)
        self._daemons = {}
        self.environment = {**os.environ, "SLURM_CONF": str(self._folder / "slurm.conf")}
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def call(self, *command):
        """What `command` prints."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True,
                              check=True).stdout

    def jobs(self):
        """{id: state} of those that wait or run."""
        lines = self.call("squeue", "--noheader", "--format=%A %T").splitlines()
        return dict(line.split() for line in lines)

    def lose_node(self, name):
        """All that runs on a node is gone at once."""
        self._kill(lambda: [*self._daemon(name), *self._steps(name), *self.tasks(name)])

    def lose_sight_of_node(self, name):
        """Slurm hears nothing of it any more; what its tasks are doing they go on to do. Their
        process ids."""
        tasks = self.tasks(name)
        self._kill(lambda: [*self._daemon(name), *self._steps(name, tasks)])
        return [pid for pid in tasks if _alive(pid)]

    def find_node(self, name):
        """It is back, as after a reboot."""
        self._start_daemon(name, "slurmd", "-D", "-N", name)

    def tasks(self, name):
        """Process ids of all that a job started on a node, the batch script's own among them."""
        return [pid for pid in self._processes() if _environment(pid, "SLURMD_NODENAME") == name]

    def close(self):
        """Ends all jobs and the daemons."""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            self.call("scancel", "--user=root")
            _wait(lambda: not self.jobs(), FREE_SECONDS)
        self._kill(lambda: [*self._daemons_alive(), *self._steps(), *self._processes()])
        for daemon in self._daemons.values():
            daemon.wait()

    def _start(self):
        for name in ("ctld", *NODES):
            (self._folder / name).mkdir()
        key = self._folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self._write_configuration()
        socket_path = self._folder / "munge.socket"
        self._start_daemon("munged", "munged", "--foreground", "--force", f"--key-file={key}",
                           f"--socket={socket_path}", f"--pid-file={self._folder}/munged.pid",
                           f"--log-file={self._folder}/munged.log",
                           f"--seed-file={self._folder}/munged.seed", "--num-threads=2")
        self._await(socket_path.exists)
        self._start_daemon("slurmctld", "slurmctld", "-D", "-i")
        for name in NODES:
            self.find_node(name)
        self._await(lambda: self.states() == ["idle"] * len(NODES))

    def states(self):
        """Of the nodes, as Slurm sees them; [] while it does not answer."""
        try:
            return self.call("sinfo", "--noheader", "--Node", "--format=%T").split()
        except subprocess.CalledProcessError:
            return []

    def _write_configuration(self):
        host = socket.gethostname().split(".")[0]
        ports = _free_ports(1 + len(NODES))
        text = CONFIGURATION.format(host=host, folder=self._folder, ctld_port=ports[0])
        for name, port in zip(NODES, ports[1:]):
            text += NODE.format(name=name, host=host, port=port)
        (self._folder / "slurm.conf").write_text(text + PARTITION)

    def _start_daemon(self, name, *command):
        with open(self._folder / f"{name}.out", "ab") as output:
            self._daemons[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=self.environment, preexec_fn=die_with_parent())

    def _await(self, condition):
        def checked():
            for name, daemon in self._daemons.items():
                if daemon.poll() is not None:
                    said = (self._folder / f"{name}.out").read_text(errors="replace")
                    raise NoSlurm(f"{name} ended at once: {said.strip()[-500:]}")
            return condition()
        if not _wait(checked, START_SECONDS):
            raise NoSlurm(f"no Slurm within {START_SECONDS:.0f} s; its nodes: {self.states()}")

    def _daemon(self, name):
        return [self._daemons[name].pid] if self._daemons[name].poll() is None else []

    def _daemons_alive(self):
        return [pid for name in self._daemons for pid in self._daemon(name)]

    def _processes(self):
        """All that belongs to a job of this cluster."""
        conf = self.environment["SLURM_CONF"]
        return [pid for pid in _pids() if _environment(pid, "SLURM_CONF") == conf
                and _environment(pid, "SLURMD_NODENAME")]

    def _steps(self, name=None, tasks=()):
        """Process ids of the slurmstepd of a node, or of all: the parents of what they started."""
        named = [*self.tasks(name), *tasks] if name else self._processes()
        return {parent for parent in map(_parent, named) if _is_step(parent)}

    def _kill(self, pids):
        """As often as there are some: a process may have had a child meanwhile."""
        while found := [pid for pid in pids() if _alive(pid)]:
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(LOOK_SECONDS)


def _check_possible():
    if os.geteuid() != 0:
        raise NoSlurm("only root can be Slurm's user here")
    for program in PROGRAMS:
        if shutil.which(program) is None:
            raise NoSlurm(f"there is no `{program}` here; apt-get install slurm-wlm munge")


def _free_ports(number):
    with contextlib.ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait(condition, seconds):
    """Whether it came to be."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _pids():
    return [int(entry.name) for entry in pathlib.Path("/proc").glob("[0-9]*")]


def _environment(pid, name):
    """Value of a variable that a process began with; None if it has none, or is gone."""
    try:
        words = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    prefix = f"{name}=".encode()
    return next((word[len(prefix):].decode() for word in words if word.startswith(prefix)), None)


def _stat(pid):
    """State and parent; ("Z", 0) if it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "Z", 0
    return fields[0], int(fields[1])


def _alive(pid):
    return _stat(pid)[0] != "Z"


def _parent(pid):
    return _stat(pid)[1]


def _is_step(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("slurmstepd")
    except OSError:
        return False
