#!/usr/bin/env python3
"""What a run has cost, from what its scheduler tells: which iterations nobody trained, and which
were trained again."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "launch"))

from rubato_cli.base.events import (EvictedEvent, FleetResumeEvent, StartedEvent,  # noqa: E402
                                    TornEvent)
from rubato_cli.report import summary  # noqa: E402
from rubato_cli.run.faults import Faults  # noqa: E402

LAST = 100


def span(seat, begin, end):
    return {"seat": seat, "begin": begin, "end": end}


class FaultsTest(unittest.TestCase):
    def told(self, *events, seats=2, clock=0):
        """Of a start at `clock`. (seats, clock) among the events: another fleet begins."""
        faults = Faults()
        faults.begin(seats, clock)
        for event in events:
            if isinstance(event, tuple):
                faults.begin(*event)
            else:
                faults.take(event)
        return faults.told(LAST)

    def start(self, clock=0):
        return [StartedEvent(seat, seat + 1, clock) for seat in range(2)]

    def test_nothing_went_wrong(self):
        self.assertEqual(self.told(*self.start()), {})
        self.assertEqual(self.told(*self.start(40), clock=40), {})

    def test_who_follows_begins_later_or_sooner(self):
        told = self.told(*self.start(), EvictedEvent(1, 2, 50, True), StartedEvent(1, 3, 53),
                         EvictedEvent(0, 1, 60), StartedEvent(0, 4, 58))
        self.assertEqual(told["skipped"], [span(1, 50, 53)])
        self.assertEqual(told["repeated"], [span(0, 58, 60)])
        self.assertEqual(told["evictions"], 1)

    def test_a_life_that_never_began_trained_nothing(self):
        told = self.told(*self.start(), EvictedEvent(1, 2, 50), EvictedEvent(1, 3, 0),
                         StartedEvent(1, 4, 53))
        self.assertEqual(told["skipped"], [span(1, 50, 53)])

    def test_a_seat_that_stays_empty_skips_all_that_is_left(self):
        self.assertEqual(self.told(*self.start(), EvictedEvent(0, 1, 70))["skipped"],
                         [span(0, 70, LAST)])
        self.assertEqual(self.told(StartedEvent(0, 1, 0))["skipped"], [span(1, 0, LAST)])

    def test_a_seat_that_comes_late_skipped_what_was_before(self):
        told = self.told(StartedEvent(0, 1, 40), StartedEvent(1, 2, 44), clock=40)
        self.assertEqual(told["skipped"], [span(1, 40, 44)])

    def test_what_all_go_back_behind_is_trained_again(self):
        told = self.told(*self.start(), EvictedEvent(1, 2, 10), StartedEvent(1, 3, 25),
                         EvictedEvent(0, 1, 30), StartedEvent(0, 4, 28), EvictedEvent(0, 4, 31),
                         TornEvent(0, 4, 29, 31, True), FleetResumeEvent(20, "lost"),
                         *self.start(20))
        self.assertEqual(told["skipped"], [span(1, 10, 20)])
        self.assertEqual(told["repeated"], [])
        self.assertEqual(told["fleet_resumes"], [{"clock": 20, "why": "lost"}])

    def test_who_was_missing_when_all_went_back_has_missed_what_was_before(self):
        told = self.told(*self.start(), EvictedEvent(1, 2, 10), FleetResumeEvent(20, "lost"),
                         *self.start(20))
        self.assertEqual(told["skipped"], [span(1, 10, 20)])

    def test_a_fleet_of_other_workers_misses_nobody(self):
        lives = [StartedEvent(seat, 9 + seat, 30) for seat in range(3)]
        self.assertEqual(self.told(*self.start(), (3, 30), *lives), {})
        self.assertEqual(self.told(*lives, (2, 50), *self.start(50), seats=3, clock=30), {})
        told = self.told(*self.start(), EvictedEvent(1, 2, 10), (1, 30), StartedEvent(0, 3, 30))
        self.assertEqual(told["skipped"], [span(1, 10, 30)])

    def test_a_start_that_is_told_twice_is_one(self):
        told = self.told(*self.start(), EvictedEvent(1, 2, 50), StartedEvent(1, 3, 53),
                         *self.start(), StartedEvent(1, 3, 53))
        self.assertEqual(told["skipped"], [span(1, 50, 53)])


class SummaryTest(unittest.TestCase):
    def lines(self, **faults):
        return summary.faults({"updates": {"lost": 3}, "faults": faults})

    def test_it_says_what_faults_have_cost(self):
        death = {"process": "worker-0", "clock": 4}
        self.assertEqual(self.lines(deaths=[death], skipped=[]), [
            "one process died and was started again, 3 updates lost, 0 iterations skipped"])
        self.assertEqual(self.lines(deaths=[death, death], skipped=[span(0, 5, 8)]), [
            "2 processes died and were started again, 3 updates lost, 3 iterations skipped"])
        self.assertEqual(self.lines(deaths=[], skipped=[span(0, 5, 8), span(1, 0, 1)]), [
            "workers were missing: 3 updates lost, 4 iterations skipped"])
        self.assertEqual(self.lines(deaths=[], skipped=[]), [])


if __name__ == "__main__":
    unittest.main()
