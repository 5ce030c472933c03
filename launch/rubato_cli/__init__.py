"""The `rubato` command: starts the C++ processes of a run on this host, watches them, and reads
what they write. It parses no run file and no data: `rubato-data` does, and speaks JSON.

Rooms, of which each sees those before it (tests/tidy_python.py holds the arrows):
  base      failures, the console, numbers in words
  files     what is written to disk: scratch and run folders, seals
  fleet     processes: builds, children, sockets, training, serving
  report    a finished run: its record, the page, pictures
  commands  a module per command
main.py is the dispatch table.
"""
