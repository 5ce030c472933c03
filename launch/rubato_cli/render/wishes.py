"""Texts of the command line that say where pods go and what they get, as Kubernetes has them."""

from __future__ import annotations

import re

from rubato_cli.base.failure import Failure
from rubato_cli.render.plan import ROLES, SCHEDULER, SERVER, WORKER, Json, Resources

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
MEMORY = r"[1-9][0-9]{0,8}(Ki|Mi|Gi|Ti)"
# A label (RFC 1035) that leaves room for what is put behind it: a StatefulSet's pods carry its name
# with a hash of ten characters as a label, which holds 63.
NAME = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
DEFAULTS = {SCHEDULER: Resources("1", "4Gi"), SERVER: Resources("1", "2Gi"),
            WORKER: Resources("1", "2Gi")}


def name(text: str, what: str = "a name") -> str:
    if not NAME.fullmatch(text):
        raise Failure(f"{text!r} cannot be {what} here: at most 40 of a to z, 0 to 9 and -, first "
                      "a letter, - not last; choose another with --name")
    return text


def default_name(stem: str) -> str:
    """Of a run file."""
    return name(re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-"), "the fleet's name")


def resources(texts: list[str], gpus: int) -> dict[str, Resources]:
    """`texts`: such as "server:cpu=2,memory=4Gi"; `gpus`: of a worker, unless they say so."""
    found = {role: {"cpu": given.cpu, "memory": given.memory,
                    "gpus": str(gpus if role == WORKER else 0)}
             for role, given in DEFAULTS.items()}
    for text in texts:
        role, _, parts = text.partition(":")
        values = dict(part.partition("=")[::2] for part in parts.split(","))
        if role not in ROLES or not values.keys() <= {"cpu", "memory", "gpus"}:
            raise Failure(f"--resources {text}: write ROLE:cpu=2,memory=4Gi,gpus=1, with a ROLE of "
                          f"{', '.join(ROLES)}")
        found[role] |= values
        _check(text, found[role])
    return {role: Resources(values["cpu"], values["memory"], int(values["gpus"]))
            for role, values in found.items()}


def _check(text: str, values: dict[str, str]) -> None:
    for key, pattern, example in (("cpu", r"[0-9]+(\.[0-9]{1,3})?|[0-9]+m", "2, 0.5 or 500m"),
                                  ("memory", MEMORY, "512Mi or 4Gi"),
                                  ("gpus", "[0-9]{1,3}", "1")):
        if not re.fullmatch(pattern, values[key]):
            raise Failure(f"--resources {text}: {key}={values[key]} is no amount; write it like "
                          f"{example}")


def size(text: str) -> str:
    """Of a volume."""
    if not re.fullmatch(MEMORY, text):
        raise Failure(f"--storage-size {text} is no size; write it like 10Gi")
    return text


def toleration(text: str) -> Json:
    """KEY[=VALUE]:EFFECT."""
    match = re.fullmatch(r"([\w./-]+)(=([\w.-]*))?:(\w+)", text)
    if not match or match[4] not in EFFECTS:
        raise Failure(f"--toleration {text}: write KEY=VALUE:EFFECT or KEY:EFFECT, with an EFFECT "
                      f"of {', '.join(EFFECTS)}")
    operator = {"operator": "Exists"} if match[2] is None else {"operator": "Equal",
                                                                "value": match[3]}
    return {"key": match[1], **operator, "effect": match[4]}


def selector(text: str) -> tuple[str, str]:
    """KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise Failure(f"--node-selector {text}: write KEY=VALUE, as the nodes are labelled")
    return key, value


def volume(text: str) -> Json:
    """The source of a volume: pvc:CLAIM, hostPath:/PATH or nfs:SERVER:/PATH."""
    kind, _, rest = text.partition(":")
    if kind == "pvc" and re.fullmatch(r"[a-z0-9.-]+", rest):
        return {"persistentVolumeClaim": {"claimName": rest, "readOnly": True}}
    if kind == "hostPath" and rest.startswith("/"):
        return {"hostPath": {"path": rest, "type": "Directory"}}
    server, _, path = rest.partition(":")
    if kind == "nfs" and server and path.startswith("/"):
        return {"nfs": {"server": server, "path": path, "readOnly": True}}
    raise Failure(f"--data {text}: write pvc:CLAIM, hostPath:/PATH or nfs:SERVER:/PATH")
