"""A fleet on hosts by ssh whose links are cut and whose hosts are lost while it trains: what
ssh_faults_test.py and ssh_faults.py share."""

import signal

from processes import read_until, wait_until
from ssh_fleet import SshFleetTest

LONG = ("train.epochs=100000", "fleet.workers=4", "train.staleness=2", "train.best_epoch=false")
QUICK = ("fleet.lease_seconds=3", "launch.supervisor_seconds=3")
SHARED = ("data.shared=true", "snapshot.every_clocks=100", *QUICK)


class SshFaultsFleet(SshFleetTest):
    """The scheduler is on host one, servers on one and two, two of the workers on three."""

    def clock(self, out):
        """As far as the scheduler told last."""
        return ([0] + [event["min_clock"] for event in self.events(out, "scheduler-0", "view")])[-1]

    def until_clock(self, out, clock):
        wait_until(lambda: self.clock(out) >= clock)

    def goes_on(self, out):
        """What is on its way now has been trained and committed."""
        self.until_clock(out, self.clock(out) + 200)

    def begin(self, out, *settings):
        """A run that trains; its command."""
        command = self.start(out, *LONG, *settings)
        self.until_clock(out, 300)
        return command

    def lose(self, name, command, *words):
        """A host for good; returns when `words` were read, one after the other."""
        self.hosts.lose(name)
        for part in words:
            read_until(part, command.process.stderr)

    def comes_back_by_itself(self, out, command):
        """Whoever was put out for a cut that is over is there again, and nobody started it."""
        seat = self.events(out, "scheduler-0", "evicted")[0]["seat"]
        lives = len(self.events(out, f"worker-{seat}", "begun"))
        wait_until(lambda: len(self.events(out, f"worker-{seat}", "begun")) > lives)
        self.goes_on(out)
        self.assertNotIn("started again", self.stop(out, command))
        self.assert_nobody_left(out)

    def stop(self, out, command):
        """Stops it with a snapshot; what it said. No update was lost, but what somebody who was put
        out of the fleet had pushed to some of the shards alone: the events named it."""
        command.process.send_signal(signal.SIGINT)
        code, _, stderr = command.end()
        self.assertEqual(code, 75, stderr)
        self.assertNotIn("Traceback", stderr)
        torn = self.events(out, "scheduler-0", "torn")
        self.assertFalse(any(event["lost"] for event in torn), torn)
        if torn:
            self.assertNotEqual(self.events(out, "scheduler-0", "evicted"), [])
        lost = [event["lost"] for event in self.events(out, "scheduler-0", "done")]
        self.assertEqual(len(lost), 1)
        self.assertLessEqual(lost[0], sum(event["end"] - event["begin"] for event in torn))
        return stderr
