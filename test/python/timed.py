"""How long Python's own TensorFlow takes: JSON in, JSON out, times in microseconds.

{"directory": d, "input": alias, "values": nested list, "dtype": "float32" or "string", "rounds": n, "loads": n or nothing}
"""

import json
import sys
import time

import tensorflow as tf

given = json.load(sys.stdin)


def load():
    start = time.perf_counter()
    loaded = tf.saved_model.load(given["directory"])
    return time.perf_counter() - start, loaded


_, model = load()
loads = sorted(load()[0] for _ in range(given.get("loads", 1)))
signature = model.signatures["serving_default"]
value = tf.constant(given["values"], dtype=given["dtype"])


def ask():
    start = time.perf_counter()
    for tensor in signature(**{given["input"]: value}).values():
        tensor.numpy()
    return time.perf_counter() - start


ask()
taken = sorted(ask() for _ in range(given["rounds"]))
print(json.dumps({"load": loads[len(loads) // 2] * 1e6, "predict": taken[len(taken) // 2] * 1e6}))
