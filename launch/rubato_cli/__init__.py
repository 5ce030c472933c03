"""The `rubato` command: starts the C++ processes of a run on this host, watches them, and reads
what they write. It parses no run file and no data: `rubato-data` does, and speaks JSON.

Rooms; who sees whom is declared, and held, in tests/tidy_python.py:
  base      failures, the console, events, numbers in words
  files     what is written to disk: scratch and run folders, checksums
  own_data  what `init` makes of somebody's table
  fleet     the processes of this host: found, started, watched and ended
  run       a run's fleets: preparing, training, serving
  report    a finished run: its record, the page, pictures
  commands  a module per command
main.py is the dispatch table.
"""
