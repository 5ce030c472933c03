"""The `rubato` command: starts the C++ processes of a run on this host, watches them, and reads
what they write. It parses no run file and no data: `rubato-data` does, and speaks JSON.

One concept a file. main.py is the dispatch table; train.py, predict.py, report.py, compare.py,
init.py, status.py and doctor.py are the commands; training.py and serving.py say which processes
make a fleet; fleet.py and child.py hold processes; record.py is what the report reads of a run,
*_sections.py its parts, over page.py (HTML), charts.py and svg.py; the rest are the things they
share.
"""
