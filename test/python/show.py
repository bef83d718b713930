"""What saved_model_cli shows of SavedModels."""

import contextlib
import io
import json
import sys

from tensorflow.python.tools import saved_model_cli


def show(directory):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        saved_model_cli._show_all(directory)
    return printed.getvalue()


print(json.dumps([show(directory) for directory in json.load(sys.stdin)]))
