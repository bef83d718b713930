"""What saved_model_cli shows of SavedModels, up to their concrete functions, which no server sees."""

import contextlib
import io
import json
import sys

from tensorflow.python.tools import saved_model_cli


def show(directory):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        saved_model_cli._show_all(directory)
    return printed.getvalue().split("\nConcrete Functions:")[0]


print(json.dumps([show(directory) for directory in json.load(sys.stdin)]))
