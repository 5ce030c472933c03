"""Hosts that one logs in to by ssh: network namespaces (hosts.py) with a name, an address beyond
loopback, processes, a /tmp, a disk and an sshd of their own. Links can be cut and healed, and a
host can be lost for good.

Their names are in the /etc/hosts of each, where its own is one of loopback, as Debian's installer
makes it. What is not private is the machine's. The hub is the machine itself in the network of the
hosts: who is started there by on_hub() reaches them all.
"""

import json
import pathlib
import shutil
import subprocess
import sys

from hosts import HUB, Hosts, NoHosts
from rubato_cli.fleet.process import die_with_parent

SSHD = "/usr/sbin/sshd"
INIT = pathlib.Path(__file__).with_name("ssh_host_init.py")
NETWORK = "10.77.0"
FIRST = 61  # 10.77.0.61 and so on
SSHD_CONFIG = """\
Port 22
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PidFile none
MaxStartups 100
"""
SSH_CONFIG = """\
Host *
  User root
  IdentityFile {folder}/key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
"""


class SshHosts(Hosts):
    """`folder`: for keys and settings. `visible`: what is under the machine's /tmp and is seen by
    all; `private`: folders that are empty at first, and of each host alone. Raises NoHosts."""

    hub = {"launcher": f"{NETWORK}.1"}

    def __init__(self, names, folder, visible, private):
        for tool in (SSHD, "ssh", "ssh-keygen", "unshare"):
            if shutil.which(tool) is None:
                raise NoHosts(f"there is no `{tool}` here")
        self.folder = pathlib.Path(folder)
        self._visible = [str(path) for path in (*visible, folder)]
        self._private = [str(path) for path in private]
        self._make_keys(names)
        super().__init__(names)
        for name in names:
            self._start(name)

    @property
    def ssh(self):
        """The command that reaches them, for $RUBATO_SSH."""
        return f"ssh -F {self.folder}/ssh_config"

    def address(self, name):
        return _address(self._names.index(name))

    def on_hub(self, command):
        return ["nsenter", f"--net={self.namespace(HUB)}", *map(str, command)]

    def on(self, name, command):
        """What runs `command` on a host, not as its child: who hangs about is left there."""
        pid = self._holders[name].pid
        return ["nsenter", f"--net=/proc/{pid}/ns/net", f"--mount=/proc/{pid}/ns/mnt",
                f"--uts=/proc/{pid}/ns/uts", f"--pid=/proc/{pid}/ns/pid_for_children",
                *map(str, command)]

    def do(self, name, *command):
        """What `command` prints there."""
        return subprocess.run(self.on(name, command), check=True, capture_output=True,
                              text=True).stdout

    def processes(self, name, words):
        """The command lines there that hold `words`."""
        lines = self.do(name, "ps", "-eo", "args").splitlines()
        return [line for line in lines if words in line and "ps -eo" not in line]

    def unplug(self, name):
        """Nobody reaches it, and it reaches nobody."""
        self._ip(HUB, f"link set {self._port(name)} down")

    def plug_in(self, name):
        self._ip(HUB, f"link set {self._port(name)} up")

    def lose(self, name):
        """For good: all that runs there ends at once, and its address is nobody's."""
        holder = self._holders[name]
        holder.kill()
        holder.wait()

    def _port(self, name):
        return f"p{self._names.index(name)}"

    def _hold(self, name):
        if name == HUB:
            return super()._hold(name)
        view = {"name": name, "visible": self._visible, "private": self._private,
                "hosts": self._known_to(name)}
        return subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child",
             sys.executable, "-B", str(INIT), json.dumps(view)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent())

    def _open_loopback(self, name):
        self._ip(name, "link set lo up")

    def _known_to(self, name):
        """The text of its /etc/hosts."""
        return "127.0.0.1 localhost\n" + "".join(
            f"{'127.0.1.1' if other == name else self.address(other)} {other}\n"
            for other in self._names)

    def _start(self, name):
        """Its sshd, now that it has an address."""
        config = self.folder / f"sshd_config_{name}"
        config.write_text(SSHD_CONFIG.format(folder=self.folder, address=self.address(name)))
        holder = self._holders[name]
        print(json.dumps([SSHD, "-D", "-f", str(config)]), file=holder.stdin, flush=True)
        if holder.stdout.readline() != "listening\n":
            raise NoHosts(f"no sshd on {name}")

    def _make_keys(self, names):
        for key in ("host_key", "key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            self.folder / key], check=True, capture_output=True)
        public = " ".join((self.folder / "host_key.pub").read_text().split()[:2])
        (self.folder / "known_hosts").write_text("".join(
            f"{_address(index)} {public}\n" for index in range(len(names))))
        (self.folder / "ssh_config").write_text("".join([
            *(f"Host {name}\n  HostName {_address(index)}\n"
              for index, name in enumerate(names)), SSH_CONFIG.format(folder=self.folder)]))

    def close(self):
        super().close()
        for holder in self._holders.values():
            for pipe in filter(None, (holder.stdin, holder.stdout)):
                pipe.close()


def _address(index):
    return f"{NETWORK}.{FIRST + index}"
