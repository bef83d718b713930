"""Builds models of the zoo into a folder; gives what could not be built, with the reason."""

import gc
import json
import os
import shutil
import sys
import time
import traceback

from zoo import MODELS, keras

import activations, attention, control, convolution, dense, dtypes, embeddings  # noqa: E401, F401
import example_parsing, large, math_ops, modules, normalisation, pooling  # noqa: E401, F401
import preprocessing, ragged, recurrent, shapes, strings, tables, text, tf1  # noqa: E401, F401
from record import record


def build(model, folder):
    """Renamed when it is whole, so that a broken-off one is made again."""
    path = os.path.join(folder, model.name)
    unfinished = path + ".new"
    shutil.rmtree(unfinished, ignore_errors=True)
    requests = model.save(unfinished)
    record(model, unfinished, requests)
    os.rename(unfinished, path)


def main():
    given = json.load(sys.stdin)
    folder, names = given["folder"], given.get("names") or list(MODELS)
    failures, seconds = {}, {}
    # What was imported stays, and is too much to be looked at after each model.
    gc.collect()
    gc.freeze()
    for name in names:
        if os.path.exists(os.path.join(folder, name)):
            continue
        begun = time.monotonic()
        try:
            build(MODELS[name], folder)
        except Exception as error:  # The other models are of use without this one.
            traceback.print_exc()
            failures[name] = f"{type(error).__name__}: {error}"[:500]
        seconds[name] = round(time.monotonic() - begun, 2)
        keras.backend.clear_session()
        gc.collect()
    print(json.dumps({"failures": failures, "seconds": seconds}))


if __name__ == "__main__":
    main()
