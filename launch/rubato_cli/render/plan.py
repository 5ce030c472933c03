"""What manifests are made from: the fleet of a run, and how its pods are to be placed."""

from __future__ import annotations

import dataclasses
from typing import Any

Json = dict[str, Any]

SCHEDULER, SERVER, WORKER = "scheduler", "server", "worker"
ROLES = (SCHEDULER, SERVER, WORKER)
COMPONENT = "app.kubernetes.io/component"

# In every pod.
RUN_FILE = "/etc/rubato/run.toml"
RUN_VOLUME = "/var/lib/rubato"
RUN_FOLDER = f"{RUN_VOLUME}/run"  # made by `prepare`, so it is no mount itself
SNAPSHOTS = "/var/lib/rubato-snapshots"
DATA = "/data"
KEYS = "/run/rubato/keys"
SECRET = "/run/rubato/secret"
SCHEDULER_PORT = 7000
SHARD_PORT = 7100  # of a server's first shard; those of the others count up

# What one snapshot may take: the scheduler withdraws a cut after so long
# (server/scheduler/scheduler.h), and a disk is taken for no slower than this.
CUT_SECONDS = 120
DISK_BYTES_PER_SECOND = 50 << 20


@dataclasses.dataclass(frozen=True)
class Resources:
    """Of one pod. What it may use of memory is what it asks for. It asks for processors and may use
    more: one that is throttled holds up all."""

    cpu: str
    memory: str  # in Ki, Mi, Gi or Ti
    gpus: int = 0

    @property
    def memory_bytes(self) -> int:
        return int(self.memory[:-2]) << {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}[self.memory[-2:]]


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where pods go, and what they get there."""

    node_selector: dict[str, str]
    tolerations: list[Json]
    pull_secrets: list[str]
    resources: dict[str, Resources]  # by role


@dataclasses.dataclass(frozen=True)
class Storage:
    """`data`: the source of a volume with the files of the run file, None if it names none."""

    data: Json | None
    claim_class: str  # "": the cluster's default
    size: str  # of a pod's own claim, and of that of the snapshots
    snapshots_access: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """One fleet."""

    name: str
    namespace: str  # "": that of whoever applies it
    image: str
    run_file: str  # its text
    settings: list[str]  # KEY=VALUE over it
    on_gpus: bool  # what it wants to compute on
    fleet: Json  # section "fleet" of the resolved run file
    storage: Storage
    placement: Placement

    def of(self, role: str) -> str:
        """The name of the objects of a role."""
        return f"{self.name}-{role}"

    @property
    def scheduler(self) -> str:
        """Its address."""
        head = self.of(SCHEDULER)
        return f"tcp://{head}-0.{head}:{SCHEDULER_PORT}"

    @property
    def shard_ports(self) -> list[int]:
        """Of each server."""
        return [SHARD_PORT + index for index in range(int(self.fleet["shards_per_server"]))]

    @property
    def listening(self) -> Json:
        """An expression of a selector: who listens to others."""
        return {"key": COMPONENT, "operator": "In", "values": [SCHEDULER, SERVER]}

    @property
    def grace_seconds(self) -> int:
        """From SIGTERM to SIGKILL: whoever has died meanwhile is waited for a lease, the cut may
        take its deadline, and an image is no larger than the memory of its server."""
        memory = self.placement.resources[SERVER].memory_bytes
        lease = int(float(self.fleet["lease_seconds"]) + 1)
        return lease + CUT_SECONDS + -(-memory // DISK_BYTES_PER_SECOND)

    def labels(self, role: str = "") -> dict[str, str]:
        """Those that select the fleet, or one role of it."""
        labels = {"app.kubernetes.io/name": "rubato", "app.kubernetes.io/instance": self.name}
        return labels | ({COMPONENT: role} if role else {})
