"""The units of launch/systemd as systemd reads them, and as much of their sandbox as a process can
put on by itself."""

import ctypes
import functools
import pathlib
import subprocess

UNITS = pathlib.Path(__file__).resolve().parents[2] / "launch" / "systemd"
COMMON = UNITS / "rubato-.service.d" / "10-fleet.conf"
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}


def settings_of(name):
    """Of a service, by key: all values in their order, those that all services have first."""
    settings = {}
    for path in (COMMON, UNITS / name):
        for line in path.read_text(encoding="utf-8").splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                settings.setdefault(key, []).append(value)
    return settings


class Service:
    """One that runs: `instance` is what stands behind its @."""

    def __init__(self, name, instance=""):
        self.settings = settings_of(name)
        self.command = self._filled("ExecStart", instance)[0].split()
        self.environment = dict(text.split("=", 1)
                                for text in self._filled("Environment", instance))

    def is_clean(self, code):
        return code == 0 or str(code) in " ".join(self.settings["SuccessExitStatus"]).split()

    def _filled(self, key, instance):
        return [value.replace("%i", instance) for value in self.settings.get(key, [])]


def environment_file():
    """What fleet.env sets."""
    lines = (UNITS / "fleet.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and line[0] != "#")


@functools.cache
def calls_in(name):
    """System calls of a set such as @system-service, sets in it among them."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True,
                            capture_output=True, text=True).stdout.splitlines()[1:]
    words = {line.strip() for line in listed if line.strip() and line.strip()[0] != "#"}
    below = [calls_in(word) for word in words if word[0] == "@"]
    return {word for word in words if word[0] != "@"}.union(*below)


def allowed_calls(settings):
    """What is left of SystemCallFilter=."""
    allowed = set()
    for value in settings["SystemCallFilter"]:
        for word in value.removeprefix("~").split():
            calls = calls_in(word) if word[0] == "@" else {word}
            allowed = allowed - calls if value[0] == "~" else allowed | calls
    return allowed


class _Argument(ctypes.Structure):
    """scmp_arg_cmp"""
    _fields_ = [("number", ctypes.c_uint), ("compare", ctypes.c_int),
                ("first", ctypes.c_uint64), ("second", ctypes.c_uint64)]


EQUAL, MASKED_EQUAL = 4, 7  # scmp_compare
ALLOW, REFUSE = 0x7fff0000, 0x00050001  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM)
PROT_WRITE, PROT_EXEC = 2, 4


def sandbox(settings):
    """A function that puts the calling process under SystemCallFilter=, RestrictAddressFamilies=
    and MemoryDenyWriteExecute= of a service; OSError where there is no libseccomp."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    unlike = [(2, MASKED_EQUAL, PROT_EXEC, 0)]
    conditions = {
        "socket": [(0, EQUAL, FAMILIES[family], 0)
                   for family in settings["RestrictAddressFamilies"][0].split()],
        "mprotect": unlike,
        "pkey_mprotect": unlike,
        "mmap": [*unlike, (2, MASKED_EQUAL, PROT_WRITE, 0)]}
    rules = []
    for name in sorted(allowed_calls(settings)):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # else it is none of this processor's
            rules += [(number, condition) for condition in conditions.get(name, [None])]

    def apply():
        context = ctypes.c_void_p(library.seccomp_init(REFUSE))
        for number, condition in rules:
            arguments = (_Argument * 1)(*([condition] if condition else []))
            if library.seccomp_rule_add_array(context, ALLOW, number, 1 if condition else 0,
                                              arguments) != 0:
                raise OSError(f"no rule for system call {number}")
        if library.seccomp_load(context) != 0:
            raise OSError("the filter cannot be loaded")

    return apply
