"""Answers rows from a SavedModel by Python's own TensorFlow: JSON in, JSON out."""

import json
import sys

import tensorflow as tf

DTYPES = {"DT_FLOAT": tf.float32, "DT_STRING": tf.string, "DT_INT64": tf.int64}

given = json.load(sys.stdin)
signature = tf.saved_model.load(given["directory"]).signatures[given["signature"]]
inputs = {
    alias: tf.constant(column["values"], dtype=DTYPES[column["dtype"]])
    for alias, column in given["inputs"].items()
}
outputs = signature(**inputs)
answer = {}
for alias, tensor in outputs.items():
    values = tensor.numpy().tolist()
    answer[alias] = [v.decode() for v in values] if tensor.dtype == tf.string else values
print(json.dumps(answer))
