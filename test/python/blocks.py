"""Runs blocks of Python, each a line of JSON on standard input; answers each with what it printed."""

import contextlib
import io
import json
import sys

for line in sys.stdin:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(json.loads(line), "block", "exec"), {"__name__": "__main__"})
    print(json.dumps(printed.getvalue()), flush=True)
