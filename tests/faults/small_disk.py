"""A file system that can be full, and have room again, in no time: a tmpfs of its own mount
namespace, which ends with the last process in it."""

import ctypes
import os
import subprocess

CLONE_NEWNS = 0x00020000
ROOMY = "4g"  # more than any run writes; none of it is used before that


class NoDisk(Exception):
    """A sentence that says why there is none."""


class SmallDisk:
    def __init__(self, folder):
        """Raises NoDisk. The caller moves into the mount namespace."""
        if os.geteuid() != 0:
            raise NoDisk("only root may mount a small file system")
        self.folder = folder
        folder.mkdir()
        if ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
            raise NoDisk("no mount namespaces here")
        try:
            self._mount("--make-rprivate", "/")
            self._mount("-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", folder)
        except (OSError, subprocess.SubprocessError) as error:
            raise NoDisk(f"no small file system here: {error}") from error

    def fill(self):
        """Files that are there already may be rewritten in place, and that is all."""
        held = os.statvfs(self.folder)
        used = (held.f_blocks - held.f_bfree) * held.f_frsize
        # Somebody may be writing: the room that is left is what came between.
        for spare in (0, 1 << 16, 1 << 18, 1 << 20, 1 << 23):
            try:
                self._mount("-o", f"remount,size={used + spare}", self.folder)
                return
            except subprocess.CalledProcessError:
                continue

    def free(self):
        self._mount("-o", f"remount,size={ROOMY}", self.folder)

    def close(self):
        subprocess.run(["umount", "-l", self.folder], check=True)

    @staticmethod
    def _mount(*words):
        subprocess.run(["mount", *words], check=True, capture_output=True)
