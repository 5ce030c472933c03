"""The launcher reads what the processes tell: each kind of event, by the names that they have.

tests/common/telemetry/events.jsonl has a line of each, which events_test.cc holds the C++ to. A
field that one side knows and the other does not fails here.
"""

import dataclasses
import json
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "launch"))
from rubato_cli.base import events  # noqa: E402
from rubato_cli.report.training_sections import SPENT  # noqa: E402

LINES = (ROOT / "tests/common/telemetry/events.jsonl").read_bytes().splitlines()
ABOUT_A_LINE = {"time_ms", "process", "event"}


def names(kind):
    return {field.name for field in dataclasses.fields(kind)}


class EventsTest(unittest.TestCase):
    def test_kinds_have_the_fields_that_the_processes_write(self):
        written = {}
        for line in LINES:
            event = events.parse_event(line)
            self.assertIsNotNone(event, line)
            written.setdefault(type(event), set()).update(json.loads(line).keys() - ABOUT_A_LINE)
        self.assertEqual(written, {kind: names(kind) for kind in events.KINDS.values()})

    def test_so_do_the_objects_in_them(self):
        told = [json.loads(line) for line in LINES]
        shards = [shard for event in told for shard in event.get("shards", [])]
        self.assertEqual({name for shard in shards for name in shard}, names(events.ShardDone))
        spent = {name for event in told if event["event"] == "done"
                 for name in event.get("seconds", {})}
        self.assertEqual(spent, {name for name, _, _ in SPENT})

    def test_each_kind_that_the_schema_has_is_among_the_lines(self):
        schema = "".join(file.read_text(encoding="utf-8")
                         for file in (ROOT / "common/telemetry").glob("*events.h"))
        self.assertEqual(set(re.findall(r'kEvent\[\] = "(\w+)"', schema)),
                         {json.loads(line)["event"] for line in LINES})

    def test_values_are_those_of_the_line(self):
        for line in LINES:
            told = events.parse_event(line).told()
            for name, value in json.loads(line).items():
                if name not in ABOUT_A_LINE:
                    self.assertEqual(told[name], value, line)

    def test_other_lines_are_no_events(self):
        for line in (b"", b"{", b"[]", b"7", b"{}", b'{"event": []}', b'{"event": "unheard of"}',
                     b'{"event": "done"}', b"\xff"):
            self.assertIsNone(events.parse_event(line), line)

    def test_fields_of_another_make_are_passed_over(self):
        event = events.parse_event(b'{"event": "view", "min_clock": 3, "new": 1}')
        self.assertEqual(event, events.ViewEvent(min_clock=3))


if __name__ == "__main__":
    unittest.main()
