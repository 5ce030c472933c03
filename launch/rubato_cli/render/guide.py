"""The commands around a rendered fleet: what has to be there first, and who ends what."""

from __future__ import annotations

import shlex

from rubato_cli.render.plan import ROLES, RUN_FOLDER, SCHEDULER, SERVER, WORKER, Plan


def lines(plan: Plan, folder: str) -> list[str]:
    """`folder`: that of the manifests."""
    kubectl = f"kubectl -n {plan.namespace}" if plan.namespace else "kubectl"
    head, server, job = (plan.of(role) for role in (SCHEDULER, SERVER, WORKER))
    shown = shlex.quote(folder)
    return [
        "keys, once; they are in no file here:",
        *_indented(["rubato keygen keys", *(
            f"{kubectl} create secret generic {plan.of(f'{role}-keys')} "
            f"--from-file=keys/{role}.key --from-file=keys/allowed" for role in ROLES)]),
        "start, and follow:",
        *_indented([f"kubectl apply -k {shown}",
                    f"{kubectl} logs -f {head}-0 -c {SCHEDULER}",
                    f"{kubectl} wait --for=condition=complete --timeout=-1s job/{job}"]),
        "stop with a snapshot, and go on:",
        *_indented([f"{kubectl} scale statefulset {head} --replicas=0",
                    _suspend(kubectl, job, "true"), _suspend(kubectl, job, "false"),
                    f"{kubectl} scale statefulset {head} --replicas=1"]),
        "results:",
        *_indented([f"{kubectl} cp -c {SCHEDULER} {head}-0:{RUN_FOLDER}/{name} {name}"
                    for name in ("metrics.json", "report.html")]),
        "The workers' Job ends by itself when the run is done. The scheduler's pod evaluates, "
        "writes metrics.json and report.html and stays, so that they can be fetched; servers are "
        "started again, and wait. Nobody but you ends them:",
        *_indented([f"{kubectl} scale statefulset {head} {server} --replicas=0",
                    f"kubectl delete -k {shown}",
                    f"{kubectl} delete pvc -l app.kubernetes.io/instance={plan.name}",
                    f"{kubectl} delete secret "
                    + " ".join(plan.of(f"{role}-keys") for role in ROLES)])]


def _suspend(kubectl: str, job: str, wanted: str) -> str:
    return f"{kubectl} patch job {job} --type=merge -p '{{\"spec\":{{\"suspend\":{wanted}}}}}'"


def _indented(commands: list[str]) -> list[str]:
    return [f"  {command}" for command in commands]
