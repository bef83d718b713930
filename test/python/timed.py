"""How long Python's own TensorFlow takes: JSON in, JSON out, times in microseconds.

{"directory": d, "input": alias, "values": nested list, "dtype": "float32" or "string", "rounds": n}
"""

import json
import sys
import time

import tensorflow as tf

given = json.load(sys.stdin)
start = time.perf_counter()
model = tf.saved_model.load(given["directory"])
load = time.perf_counter() - start
signature = model.signatures["serving_default"]
value = tf.constant(given["values"], dtype=given["dtype"])


def ask():
    start = time.perf_counter()
    for tensor in signature(**{given["input"]: value}).values():
        tensor.numpy()
    return time.perf_counter() - start


ask()
taken = sorted(ask() for _ in range(given["rounds"]))
print(json.dumps({"load": load * 1e6, "predict": taken[len(taken) // 2] * 1e6}))
