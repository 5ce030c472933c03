#!/usr/bin/env python3
"""An ssh that leads to this host, whatever host it is asked for; its last argument is what to run
there, by the login shell."""

import os
import sys

os.execv("/bin/sh", ["sh", "-c", sys.argv[-1]])
