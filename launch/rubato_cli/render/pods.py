"""The pods of each role: what runs in them, as whom, on which volumes, and when it is well.

Every container starts from its environment alone. Before it others have made its run folder: each
pod prepares the same data from the same volume, which gives the same bytes.
"""

from __future__ import annotations

from rubato_cli.render.plan import (DATA, KEYS, ROLES, RUN_FILE, RUN_FOLDER, RUN_VOLUME, SCHEDULER,
                                    SCHEDULER_PORT, SECRET, SERVER, SHARD_PORT, SNAPSHOTS, WORKER,
                                    Json, Plan)

USER = 10001  # of the image; any number but 0 does

# The memory of what only unpacks and copies.
_SMALL = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}
_RUN: Json = {"name": "run", "mountPath": RUN_VOLUME}
_RUN_FILE: Json = {"name": "run-file", "mountPath": "/etc/rubato", "readOnly": True}
_TMP: Json = {"name": "tmp", "mountPath": "/tmp"}
_OWN_KEY = {role: f"{role}.key" for role in ROLES}


def template(plan: Plan, role: str) -> Json:
    """Of the pods of `role`."""
    pod: Json = {
        "automountServiceAccountToken": False,
        # Those of a service called rubato-scheduler would look like RUBATO_SCHEDULER.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": plan.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": plan.labels(role)}}],
        "initContainers": _init_containers(plan, role),
        "containers": [_container(plan, role)],
        "volumes": _volumes(plan, role)}
    placement = plan.placement
    if placement.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in placement.pull_secrets]
    if placement.node_selector:
        pod["nodeSelector"] = placement.node_selector
    if placement.tolerations:
        pod["tolerations"] = placement.tolerations
    if role == WORKER:
        pod["restartPolicy"] = "Never"
    elif plan.storage.snapshots_access == "ReadWriteOnce":
        pod["affinity"] = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname",
             "labelSelector": {"matchLabels": plan.labels(), "matchExpressions": [
                 plan.listening]}}]}}
    return {"metadata": {"labels": plan.labels(role)}, "spec": pod}


def _container(plan: Plan, role: str) -> Json:
    match role:
        case "scheduler":
            command = ["rubato", "head", RUN_FILE, "--out", RUN_FOLDER, "--stay",
                       *_settings(plan, role)]
            own: Json = {"ports": [{"name": "scheduler", "containerPort": SCHEDULER_PORT}],
                         # It trains while somebody listens there; it also prepares and evaluates,
                         # so that is no sign of life.
                         "readinessProbe": _listens("scheduler", 10, 3)}
        case "server":
            command = ["rubato-server"]
            own = {"ports": _shard_ports(plan),
                   "startupProbe": _listens("shard-0", 5, 60),
                   "readinessProbe": _listens("shard-0", 10, 3),
                   "livenessProbe": _listens("shard-0", 30, 4)}
        case _:
            command, own = ["rubato-worker", "train"], {}  # listens to nobody
    return _hardened(plan, {
        "name": role, "command": command, "env": _environment(plan, role), **own,
        "resources": _resources(plan, role),
        "terminationMessagePolicy": "FallbackToLogsOnError"}, _mounts(role))


def _environment(plan: Plan, role: str) -> list[Json]:
    """A worker's seat and a server's places are what the engine numbers them by."""
    env = {"RUBATO_RUN": RUN_FOLDER, "RUBATO_KEYS": KEYS}
    if role == SCHEDULER:
        return _pairs(env | {"RUBATO_LISTEN": f"tcp://0.0.0.0:{SCHEDULER_PORT}"})
    env["RUBATO_SCHEDULER"] = plan.scheduler
    if role == WORKER:
        return _pairs(env)
    name: Json = {"name": "POD_NAME",
                  "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    return [name, *_pairs(env | {
        "RUBATO_LISTEN": f"tcp://0.0.0.0:{SHARD_PORT}",
        "RUBATO_ADVERTISE": f"tcp://$(POD_NAME).{plan.of(SERVER)}:{SHARD_PORT}"})]


def _init_containers(plan: Plan, role: str) -> list[Json]:
    """A Secret's files are root's and readable by a group, and a private key must be neither."""
    keys = [f"{SECRET}/{_OWN_KEY[role]}", f"{SECRET}/allowed"]
    prepare = ["rubato-data", "prepare", RUN_FILE, "--out", RUN_FOLDER, "--resume",
               *_settings(plan, role)]
    containers = [
        _hardened(plan, {"name": "keys", "command": ["install", "-m", "0600", "-t", KEYS, *keys],
                         "resources": _SMALL},
                  [{"name": "secret", "mountPath": SECRET, "readOnly": True},
                   {"name": "keys", "mountPath": KEYS}]),
        _hardened(plan, {"name": "prepare", "command": prepare,
                         "resources": _resources(plan, role)}, _mounts_to_prepare(plan))]
    if role != WORKER:
        containers.append(_hardened(
            plan, {"name": "snapshots", "command": ["ln", "-sfn", SNAPSHOTS,
                                                    f"{RUN_FOLDER}/snapshots"],
                   "resources": _SMALL}, [_RUN]))
    return containers


def _hardened(plan: Plan, container: Json, mounts: list[Json]) -> Json:
    return {"name": container["name"], "image": plan.image, **container, "volumeMounts": mounts,
            "securityContext": {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]}}}


def _mounts(role: str) -> list[Json]:
    """Of what runs all the time."""
    mounts = [_RUN, {"name": "keys", "mountPath": KEYS, "readOnly": True}, _TMP]
    if role != WORKER:
        mounts.append({"name": "snapshots", "mountPath": SNAPSHOTS})
    return [*mounts, _RUN_FILE] if role == SCHEDULER else mounts


def _mounts_to_prepare(plan: Plan) -> list[Json]:
    data = [{"name": "data", "mountPath": DATA, "readOnly": True}]
    return [_RUN, _TMP, _RUN_FILE, *(data if plan.storage.data is not None else [])]


def _volumes(plan: Plan, role: str) -> list[Json]:
    """Those of a StatefulSet's own claims are not among them."""
    volumes: list[Json] = [
        {"name": "run-file", "configMap": {"name": plan.of("run")}},
        {"name": "secret", "secret": {"secretName": plan.of(f"{role}-keys"),
                                      "defaultMode": 0o440}},
        {"name": "keys", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "tmp", "emptyDir": {}}]
    if role == WORKER:
        volumes.append({"name": "run", "emptyDir": {}})
    else:
        volumes.append({"name": "snapshots",
                        "persistentVolumeClaim": {"claimName": plan.of("snapshots")}})
    if plan.storage.data is not None:
        volumes.append({"name": "data", **plan.storage.data})
    return volumes


def _resources(plan: Plan, role: str) -> Json:
    resources = plan.placement.resources[role]
    limits: Json = {"memory": resources.memory}
    if resources.gpus:
        limits["nvidia.com/gpu"] = resources.gpus
    return {"requests": {"cpu": resources.cpu, "memory": resources.memory}, "limits": limits}


def _listens(port: str, period: int, failures: int) -> Json:
    """The protocol is ZeroMQ's, so that somebody accepts connections is all that a kubelet can
    ask."""
    return {"tcpSocket": {"port": port}, "periodSeconds": period, "failureThreshold": failures}


def _shard_ports(plan: Plan) -> list[Json]:
    return [{"name": f"shard-{index}", "containerPort": port}
            for index, port in enumerate(plan.shard_ports)]


def _settings(plan: Plan, role: str) -> list[str]:
    """What a pod without a GPU does, it does on its processors."""
    settings = list(plan.settings)
    if plan.on_gpus and not plan.placement.resources[role].gpus:
        settings.append("device=cpu")
    return [text for setting in settings for text in ("--set", setting)]


def _pairs(values: dict[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in values.items()]
