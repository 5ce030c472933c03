"""What a rendering for Kubernetes must be beyond its schemas: names that mean each other, ports and
volumes that are there, pods that are closed. Each rule yields sentences."""

import json
import os
import re
import subprocess
import sys

from fake_fleet import ROOT

PODS = ("StatefulSet", "Job")
LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def render(*arguments, environment=None):
    """Exit code, what was printed (JSON with --json), what was said."""
    done = subprocess.run(
        [sys.executable, "-B", ROOT / "launch" / "rubato", "render", "kubernetes", *arguments],
        capture_output=True, text=True, env=os.environ | (environment or {}), check=False)
    return done.returncode, done.stdout, done.stderr


def rendered(*arguments, environment=None):
    """Documents by file name."""
    code, stdout, stderr = render(*arguments, "--json", environment=environment)
    assert code == 0, stderr
    return json.loads(stdout)["files"]


def all_of(files, kind=None):
    return [document for documents in files.values() for document in documents
            if kind in (None, document["kind"])]


def one(files, kind, name):
    return next(document for document in all_of(files, kind)
                if document["metadata"]["name"] == name)


def template(document):
    return document["spec"]["template"]


def containers(document):
    pod = template(document)["spec"]
    return [*pod["initContainers"], *pod["containers"]]


def findings(files):
    """All sentences of all rules."""
    return [sentence for rule in RULES for sentence in rule(files)]


def check_names(files):
    for document in all_of(files):
        if document["kind"] == "Kustomization":
            continue
        name = document["metadata"]["name"]
        if not LABEL.fullmatch(name):
            yield f"{name} is no label"
        if document["kind"] == "StatefulSet" and len(name) > 52:
            yield f"{name} leaves no room for the hash of a revision"
    names = [(one["kind"], one["metadata"]["name"]) for one in all_of(files) if "metadata" in one]
    if len(set(names)) != len(names):
        yield "two objects have one name"


def check_kustomization(files):
    (document,) = files["kustomization.yaml"]
    if set(document["resources"]) != files.keys() - {"kustomization.yaml"}:
        yield "kustomization.yaml names other files than there are"


def check_selectors(files):
    """Each selects pods of the fleet, and a controller its own."""
    for document in all_of(files):
        spec = document.get("spec", {})
        if document["kind"] == "StatefulSet":
            if not selects(spec["selector"], template(document)["metadata"]["labels"]):
                yield f"{document['metadata']['name']} does not select its own pods"
        for where, selector in (("selector", _of_service(document)),
                                ("podSelector", spec.get("podSelector"))):
            if selector is not None and not selected(files, selector):
                yield f"{document['kind']} {document['metadata']['name']}: {where} selects nobody"


def _of_service(document):
    selector = document.get("spec", {}).get("selector")
    if document["kind"] == "Service":
        return {"matchLabels": selector}
    return selector if document["kind"] == "PodDisruptionBudget" else None


def selects(selector, labels):
    return (selector.get("matchLabels", {}).items() <= labels.items()
            and all(labels.get(one["key"]) in one["values"]
                    for one in selector.get("matchExpressions", [])))


def selected(files, selector):
    """The controllers whose pods it selects."""
    return [document for kind in PODS for document in all_of(files, kind)
            if selects(selector, template(document)["metadata"]["labels"])]


def check_services(files):
    """A StatefulSet has the headless Service that it names, with the ports that it listens on."""
    for document in all_of(files, "StatefulSet"):
        name = document["metadata"]["name"]
        services = [one for one in all_of(files, "Service")
                    if one["metadata"]["name"] == document["spec"]["serviceName"]]
        if not services:
            yield f"{name}: no service {document['spec']['serviceName']}"
            continue
        (spec,) = (one["spec"] for one in services)
        if spec["clusterIP"] != "None" or spec["publishNotReadyAddresses"] is not True:
            yield f"{name}: its service does not name each pod from its start on"
        if not selects({"matchLabels": spec["selector"]}, template(document)["metadata"]["labels"]):
            yield f"{name}: its service selects others"
        if {one["targetPort"]: one["port"] for one in spec["ports"]} != ports(document):
            yield f"{name}: its service has other ports"


def ports(document):
    """Number by name."""
    return {port["name"]: port["containerPort"] for container in containers(document)
            for port in container.get("ports", [])}


def check_probes(files):
    for kind in PODS:
        for document in all_of(files, kind):
            for container in containers(document):
                for probe in (value for key, value in container.items() if key.endswith("Probe")):
                    if probe["tcpSocket"]["port"] not in ports(document):
                        yield f"{document['metadata']['name']}: a probe of no port"


def check_network(files):
    """Everybody is closed; who listens is open to the fleet, at the ports that it listens on."""
    policies = [document["spec"] for document in all_of(files, "NetworkPolicy")]
    for document in (one for kind in PODS for one in all_of(files, kind)):
        name, labels = document["metadata"]["name"], template(document)["metadata"]["labels"]
        mine = [policy for policy in policies if selects(policy["podSelector"], labels)]
        if not any(policy["policyTypes"] == ["Ingress"] for policy in mine):
            yield f"{name}: everybody reaches it"
        rules = [rule for policy in mine for rule in policy.get("ingress", [])]
        for rule in rules:
            if any(peer.keys() != {"podSelector"} for peer in rule.get("from", [{}])):
                yield f"{name}: others than pods of its namespace reach it"
        open_ports = {port["port"] for rule in rules for port in rule["ports"]}
        if not set(ports(document).values()) <= open_ports:
            yield f"{name}: its own fleet does not reach it"
        if not ports(document) and open_ports:
            yield f"{name} listens to nobody and is open"


def check_volumes(files):
    for kind in PODS:
        for document in all_of(files, kind):
            name, pod = document["metadata"]["name"], template(document)["spec"]
            there = [volume["name"] for volume in pod["volumes"]]
            there += [claim["metadata"]["name"]
                      for claim in document["spec"].get("volumeClaimTemplates", [])]
            if len(set(there)) != len(there):
                yield f"{name}: two volumes have one name"
            mounted = set()
            for container in containers(document):
                mounts = container["volumeMounts"]
                mounted |= {mount["name"] for mount in mounts}
                paths = [mount["mountPath"] for mount in mounts]
                if any(one != other and f"{one}/".startswith(f"{other}/")
                       for one in paths for other in paths) or len(set(paths)) != len(paths):
                    yield f"{name}: {container['name']} mounts one volume into another"
            if mounted != set(there):
                yield f"{name}: {sorted(mounted ^ set(there))} is not both there and mounted"
            yield from _check_sources(files, name, pod["volumes"])


def _check_sources(files, name, volumes):
    for volume in volumes:
        for key, kind, field in (("configMap", "ConfigMap", "name"),
                                 ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName")):
            if key in volume and volume["name"] != "data":
                wanted = volume[key][field]
                if wanted not in [one["metadata"]["name"] for one in all_of(files, kind)]:
                    yield f"{name}: no {kind} {wanted}"


def check_environment(files):
    """What the environment names is there: addresses, and variables in variables."""
    for kind in PODS:
        for document in all_of(files, kind):
            for container in containers(document):
                known = set()
                for variable in container.get("env", []):
                    for used in re.findall(r"\$\((\w+)\)", variable.get("value", "")):
                        if used not in known:
                            yield f"{container['name']}: {variable['name']} needs {used} above it"
                    known.add(variable["name"])
                    if variable["name"] == "RUBATO_SCHEDULER":
                        yield from _check_address(files, variable["value"])


def _check_address(files, address):
    match = re.fullmatch(r"tcp://([a-z0-9-]+)-0\.([a-z0-9-]+):(\d+)", address)
    sets = {document["metadata"]["name"]: document for document in all_of(files, "StatefulSet")}
    if not match or match[1] not in sets:
        yield f"{address} is no pod's"
    elif (sets[match[1]]["spec"]["serviceName"] != match[2]
          or int(match[3]) not in ports(sets[match[1]]).values()):
        yield f"{address}: its pod has another service or port"


def check_closed_pods(files):
    for kind in PODS:
        for document in all_of(files, kind):
            name, pod = document["metadata"]["name"], template(document)["spec"]
            security = pod["securityContext"]
            if not (security["runAsNonRoot"] and security["runAsUser"] > 0
                    and security["seccompProfile"] == {"type": "RuntimeDefault"}
                    and pod["automountServiceAccountToken"] is False):
                yield f"{name}: its pods may do more than they need"
            for container in containers(document):
                if container["securityContext"] != {
                        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]}}:
                    yield f"{name}: {container['name']} may do more than it needs"
                resources = container["resources"]
                if resources["requests"]["memory"] != resources["limits"]["memory"]:
                    yield f"{name}: {container['name']} may use memory that it did not ask for"


def check_job(files):
    """What the API server refuses, though the schema takes it."""
    for document in all_of(files, "Job"):
        spec = document["spec"]
        restarts = template(document)["spec"].get("restartPolicy")
        if "podFailurePolicy" in spec and restarts != "Never":
            yield "a podFailurePolicy needs restartPolicy Never"
        if "backoffLimitPerIndex" in spec and spec.get("completionMode") != "Indexed":
            yield "a backoffLimitPerIndex needs an indexed job"
        for rule in spec["podFailurePolicy"]["rules"]:
            if rule.keys() - {"action"} not in ({"onExitCodes"}, {"onPodConditions"}):
                yield "a rule of a podFailurePolicy has one condition"
            if 0 in rule.get("onExitCodes", {}).get("values", []):
                yield "exit code 0 is no failure"


def check_secrets(files):
    if all_of(files, "Secret"):
        yield "a secret is in a file"


RULES = (check_names, check_kustomization, check_selectors, check_services, check_probes,
         check_network, check_volumes, check_environment, check_closed_pods, check_job,
         check_secrets)
