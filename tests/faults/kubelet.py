"""What Kubernetes does with rendered manifests, on this machine: pods with a network, a name and
processes of their own, their containers' commands run as they stand in a read-only root folder
(bare_root.py), as the user, with the environment and on the volumes that the manifests give them.

There is no scheduler of pods, no DNS (names are in /etc/hosts), no probe but can_connect(), no
limit, and no seccomp profile. A StatefulSet's container is started again when it ends, a Job's
pod ends with it, and the job's rules say what that means.
"""

import contextlib
import pathlib
import re
import shlex
import signal
import subprocess
import threading
import time

from bare_root import PATH
from hosts import HUB, Hosts

RESTART_SECONDS = 1.0  # a kubelet begins with 10
NETWORK = "10.77.0."


class PodNetwork(Hosts):
    """A network namespace a pod, with an address that is not loopback's."""

    def address(self, name):
        return f"{NETWORK}{10 + self._names.index(name)}"


class Cluster:
    """The pods of `files` (documents by file name). `folders`: where claims, secrets and data are:
    "data" and each Secret's name give the folder with its files; `scratch`: for all else."""

    def __init__(self, files, root, folders, scratch):
        self.root, self.folders, self.scratch = root, folders, pathlib.Path(scratch)
        self.maps = {document["metadata"]["name"]: document["data"] for documents in files.values()
                     for document in documents if document["kind"] == "ConfigMap"}
        self.pods = {}  # by name
        for documents in files.values():
            for document in documents:
                for pod in _pods_of(document, self):
                    self.pods[pod.name] = pod
        (self.root / "etc" / "hosts").touch()  # to be mounted upon
        self.network = PodNetwork(self.pods)
        self.hosts = "127.0.0.1 localhost\n" + "".join(
            f"{self.network.address(pod.name)} {names}\n" for pod in self.pods.values()
            for names in [f"{pod.name}.{pod.service} {pod.name}" if pod.service else pod.name])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        for pod in self.pods.values():
            pod.start()

    def close(self):
        for pod in self.pods.values():
            pod.kill()
        self.network.close()

    def can_connect(self, name, port):
        """As a tcpSocket probe of its node."""
        pod = self.pods[name]
        (number,) = [one["containerPort"] for container in pod.spec["containers"]
                     for one in container["ports"] if one["name"] == port]
        return subprocess.run(
            ["nsenter", f"--net={self.network.namespace(HUB)}", "bash", "-c",
             f"ip addr replace {NETWORK}1/24 dev br0; "
             f"</dev/tcp/{self.network.address(name)}/{number}"],
            capture_output=True, check=False).returncode == 0


def _pods_of(document, cluster):
    if document["kind"] not in ("StatefulSet", "Job"):
        return []
    name, spec = document["metadata"]["name"], document["spec"]
    if document["kind"] == "StatefulSet":
        return [Pod(cluster, f"{name}-{index}", spec) for index in range(spec["replicas"])]
    return [JobPod(cluster, f"{name}-{index}", spec, index)
            for index in range(spec["completions"])]


class Pod:
    """One of a StatefulSet: as long as it is there, its container runs."""

    again = True

    def __init__(self, cluster, name, spec):
        self.name, self.spec = name, spec["template"]["spec"]
        self.service = spec.get("serviceName", "")
        self.claims = [claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])]
        self.exits = []  # (container, code)
        self.ended = threading.Event()
        self.indices = {}
        self._cluster, self._going = cluster, True
        self._process = None
        self._killed = False
        self._thread = threading.Thread(target=self._live, name=name)

    def start(self):
        self._folder = self._cluster.scratch / self.name
        self._folder.mkdir()
        (self._folder / "hosts").write_text(self._cluster.hosts)
        self._sources = {volume["name"]: self._source(volume) for volume in self.spec["volumes"]}
        self._sources |= {claim: _owned(self._cluster.scratch / f"claim-{claim}-{self.name}",
                                        self._group) for claim in self.claims}
        self._thread.start()

    def terminate(self):
        """As when it is deleted: SIGTERM, and SIGKILL once its grace is over."""
        self._going = False
        self.signal(signal.SIGTERM)
        if not self.ended.wait(self.spec["terminationGracePeriodSeconds"]):
            self.kill()

    def signal(self, number):
        """To the first process of the container that runs."""
        self._killed = number == signal.SIGKILL
        for pid in self._children(self._process.pid) if self._process else []:
            subprocess.run(["kill", f"-{int(number)}", pid], check=False)

    def kill(self):
        self._going = False
        with contextlib.suppress(AttributeError, ProcessLookupError):
            # Its first process has become another user, and so does not hear of its parent's end.
            for pid in self._children(self._process.pid):
                subprocess.run(["kill", "-KILL", pid], check=False)
            self._process.kill()
        if self._thread.ident:
            self._thread.join()

    def log(self, container):
        path = self._folder / f"{container}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _group(self):
        return self.spec["securityContext"]["fsGroup"]

    def _live(self):
        try:
            if all(self._until_done(container) for container in self.spec["initContainers"]):
                (container,) = self.spec["containers"]
                while self._run(container) is not None and self.again and self._going:
                    time.sleep(RESTART_SECONDS)
        finally:
            self.ended.set()

    def _until_done(self, container):
        while self._going:
            if self._run(container) == 0:
                return True
            if not self.again:
                return False
            time.sleep(RESTART_SECONDS)
        return False

    def _run(self, container):
        """Its exit code, None if it was not to be started any more."""
        with open(self._folder / f"{container['name']}.log", "ab") as log:
            if not self._going:
                return None
            self._process = subprocess.Popen(self._command(container), stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log)
        code = self._process.wait()
        code = 128 + signal.SIGKILL if self._killed else 128 - code if code < 0 else code
        self._killed = False  # `unshare` does not say so
        self.exits.append((container["name"], int(code)))
        return self.exits[-1][1]

    def _command(self, container):
        security = self.spec["securityContext"]
        environment = [f"{name}={value}" for name, value in self._environment(container).items()]
        root = shlex.quote(str(self._cluster.root))
        inside = shlex.join([
            "/usr/bin/env", "-i", *environment, "setpriv", "--reuid", str(security["runAsUser"]),
            "--regid", str(security["runAsGroup"]), "--groups", str(self._group), "--no-new-privs",
            "--bounding-set=-all", "--inh-caps=-all", "--", *container["command"]])
        script = "\n".join([
            f"hostname {self.name}", f"mount --bind {root} {root}",
            f"mount -o remount,bind,ro {root}", f"mount -t proc proc {root}/proc",
            f"mount -t tmpfs -o mode=755 tmpfs {root}/dev",
            *(f"touch {root}/dev/{device} && mount --bind /dev/{device} {root}/dev/{device}"
              for device in ("null", "zero", "full", "random", "urandom")),
            f"mount --bind -o ro /sys {root}/sys",
            f"mount --bind {self._folder}/hosts {root}/etc/hosts",
            *self._mounts(container, root), f"cd {root}", f"exec chroot {root} {inside}"])
        # SIGKILL ends the container, too; the end of the thread that waits for it as well.
        return ["setpriv", "--pdeathsig", "KILL", "nsenter",
                f"--net={self._cluster.network.namespace(self.name)}", "unshare", "--mount",
                "--uts", "--ipc", "--pid", "--fork", "--kill-child", "/bin/sh", "-ec", script]

    def _mounts(self, container, root):
        for mount in container["volumeMounts"]:
            target = f"{root}{mount['mountPath']}"
            (self._cluster.root / mount["mountPath"].lstrip("/")).mkdir(parents=True, exist_ok=True)
            yield f"mount --bind {shlex.quote(str(self._sources[mount['name']]))} {target}"
            if mount.get("readOnly"):
                yield f"mount -o remount,bind,ro {target}"

    def _environment(self, container):
        """What the manifest says, and what Kubernetes and a runtime add."""
        found = {"PATH": PATH, "HOSTNAME": self.name, "KUBERNETES_SERVICE_HOST": f"{NETWORK}1",
                 "KUBERNETES_SERVICE_PORT": "443", **self.indices}
        for variable in container.get("env", []):
            if "valueFrom" in variable:
                assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
                found[variable["name"]] = self.name
            else:
                found[variable["name"]] = re.sub(
                    r"\$\((\w+)\)", lambda match: found[match[1]], variable["value"])
        return found

    def _source(self, volume):
        """The folder that is mounted."""
        place = self._folder / f"volume-{volume['name']}"
        match next(key for key in volume if key != "name"):
            case "emptyDir":
                return _owned(place, self._group)
            case "persistentVolumeClaim" if volume["name"] != "data":
                claim = volume["persistentVolumeClaim"]["claimName"]
                return _owned(self._cluster.scratch / f"claim-{claim}", self._group)
            case "configMap":
                return _published(place, {name: text.encode() for name, text in self._cluster.maps[
                    volume["configMap"]["name"]].items()}, 0, 0o644)
            case "secret":
                folder = self._cluster.folders[volume["secret"]["secretName"]]
                files = {path.name: path.read_bytes() for path in folder.iterdir()}
                return _published(place, files, self._group, volume["secret"]["defaultMode"])
            case _:
                return self._cluster.folders["data"]

    @staticmethod
    def _children(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            return []


class JobPod(Pod):
    """A pod of an indexed job; a next one takes its place as often as its rules ask for one."""

    def __init__(self, cluster, name, spec, index):
        super().__init__(cluster, name, spec)
        self.indices = {"JOB_COMPLETION_INDEX": str(index)}
        self.again = False
        self.failed = ""  # why the job is
        self._rules, self._left = spec["podFailurePolicy"]["rules"], spec["backoffLimitPerIndex"]

    def _live(self):
        try:
            while self._going:
                code = self._attempt()
                if code in (0, None) or not self._is_followed(code):
                    return
                time.sleep(RESTART_SECONDS)
        finally:
            self.ended.set()

    def _attempt(self):
        """The exit code of the container that decides."""
        for container in (*self.spec["initContainers"], *self.spec["containers"]):
            code = self._run(container)
            if code != 0:
                return code
        return 0

    def _is_followed(self, code):
        action = next((rule["action"] for rule in self._rules
                       if code in rule.get("onExitCodes", {}).get("values", [])), "Count")
        if action == "FailJob":
            self.failed = f"{self.name} ended with {code}"
            return False
        self._left -= action == "Count"
        if self._left < 0:
            self.failed = f"{self.name} ended with {code}, again and again"
        return self._left >= 0


def _owned(folder, group):
    """As fsGroup makes a volume."""
    if not folder.exists():
        folder.mkdir()
        subprocess.run(["chown", f"0:{group}", folder], check=True)
        folder.chmod(0o2777)
    return folder


def _published(folder, files, group, mode):
    """As a kubelet writes what it may replace as a whole: links to links."""
    inner = folder / "..2026"
    inner.mkdir(parents=True)
    for name, content in files.items():
        (inner / name).write_bytes(content)
        subprocess.run(["chown", f"0:{group}", inner / name], check=True)
        (inner / name).chmod(mode)
        (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data").symlink_to(inner.name)
    return folder
