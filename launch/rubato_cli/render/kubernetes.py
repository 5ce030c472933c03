"""The objects of one fleet on Kubernetes, a file a subject.

The scheduler and the servers are StatefulSets: names that stay, volumes of their own, never two of
one at once. Workers are an indexed Job, which ends when they do. Nothing secret is in any of it.
"""

from __future__ import annotations

from rubato_cli.base.failure import FATAL, STOPPED, USAGE
from rubato_cli.render import pods
from rubato_cli.render.plan import SCHEDULER, SCHEDULER_PORT, SERVER, WORKER, Json, Plan


def files(plan: Plan) -> dict[str, list[Json]]:
    """Documents by file name; `kustomization.yaml` names all others."""
    manifests = {
        "run-file.yaml": [_named(plan, "v1", "ConfigMap", "run")
                          | {"data": {"run.toml": plan.run_file}}],
        "snapshots.yaml": [_snapshots(plan)],
        "scheduler.yaml": [_service(plan, SCHEDULER, [SCHEDULER_PORT]),
                           _stateful_set(plan, SCHEDULER, 1)],
        "server.yaml": [_service(plan, SERVER, plan.shard_ports),
                        _stateful_set(plan, SERVER, int(plan.fleet["servers"])),
                        _disruption_budget(plan)],
        "worker.yaml": [_job(plan)],
        "network.yaml": [_closed(plan), _open_to_fleet(plan)]}
    kustomization: Json = {"apiVersion": "kustomize.config.k8s.io/v1beta1",
                           "kind": "Kustomization", "resources": list(manifests)}
    if plan.namespace:
        kustomization["namespace"] = plan.namespace
    return manifests | {"kustomization.yaml": [kustomization]}


def _named(plan: Plan, version: str, kind: str, what: str) -> Json:
    role = what if what in (SCHEDULER, SERVER, WORKER) else ""
    metadata: Json = {"name": plan.of(what), "labels": plan.labels(role)}
    if plan.namespace:
        metadata["namespace"] = plan.namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _service(plan: Plan, role: str, ports: list[int]) -> Json:
    """Gives each pod a name. Others need it before it is ready: a server is when its scheduler has
    answered."""
    base = "scheduler" if role == SCHEDULER else "shard"
    names = [base] if role == SCHEDULER else [f"{base}-{i}" for i in range(len(ports))]
    return _named(plan, "v1", "Service", role) | {"spec": {
        "clusterIP": "None", "publishNotReadyAddresses": True, "selector": plan.labels(role),
        "ports": [{"name": name, "port": port, "targetPort": name}
                  for name, port in zip(names, ports, strict=True)]}}


def _stateful_set(plan: Plan, role: str, replicas: int) -> Json:
    return _named(plan, "apps/v1", "StatefulSet", role) | {"spec": {
        "serviceName": plan.of(role), "replicas": replicas, "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": plan.labels(role)},
        "template": pods.template(plan, role),
        "volumeClaimTemplates": [{"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                                  "metadata": {"name": "run", "labels": plan.labels(role)},
                                  "spec": _claim(plan, "ReadWriteOnce")}]}}


def _snapshots(plan: Plan) -> Json:
    """Each server writes its images there, and whoever evaluates the model reads them all."""
    return _named(plan, "v1", "PersistentVolumeClaim", "snapshots") | {
        "spec": _claim(plan, plan.storage.snapshots_access)}


def _claim(plan: Plan, access: str) -> Json:
    claim: Json = {"accessModes": [access],
                   "resources": {"requests": {"storage": plan.storage.size}}}
    if plan.storage.claim_class:
        claim["storageClassName"] = plan.storage.claim_class
    return claim


def _disruption_budget(plan: Plan) -> Json:
    """One server at a time is drained: the others keep what it has not got back yet."""
    return _named(plan, "policy/v1", "PodDisruptionBudget", SERVER) | {"spec": {
        "maxUnavailable": 1, "selector": {"matchLabels": plan.labels(SERVER)}}}


def _job(plan: Plan) -> Json:
    workers = int(plan.fleet["workers"])
    return _named(plan, "batch/v1", "Job", WORKER) | {"spec": {
        "completionMode": "Indexed", "completions": workers, "parallelism": workers,
        "backoffLimitPerIndex": int(plan.fleet["restarts"]),
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": [
            {"action": "Ignore",
             "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [USAGE, FATAL]}},
            {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [STOPPED]}}]},
        "template": pods.template(plan, WORKER)}}


def _closed(plan: Plan) -> Json:
    """Nobody reaches a pod of the fleet, but as another policy says."""
    return _named(plan, "networking.k8s.io/v1", "NetworkPolicy", "closed") | {"spec": {
        "podSelector": {"matchLabels": plan.labels()}, "policyTypes": ["Ingress"]}}


def _open_to_fleet(plan: Plan) -> Json:
    """Its own pods reach those that listen."""
    ports = [{"protocol": "TCP", "port": port} for port in (SCHEDULER_PORT, *plan.shard_ports)]
    return _named(plan, "networking.k8s.io/v1", "NetworkPolicy", "fleet") | {"spec": {
        "podSelector": {"matchLabels": plan.labels(), "matchExpressions": [plan.listening]},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": plan.labels()}}],
                     "ports": ports}]}}
