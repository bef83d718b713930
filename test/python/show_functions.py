"""Writes a model whose functions take all that Python may give them, and prints what saved_model_cli shows of it."""

import contextlib
import io
import json
import sys

import tensorflow as tf
from tensorflow.python.tools import saved_model_cli

FLOATS = tf.TensorSpec([None, 3], tf.float32)


class Functions(tf.Module):
    @tf.function(input_signature=[])
    def nothing(self):
        return tf.constant(1.0)

    @tf.function(input_signature=[FLOATS, tf.TensorSpec(None, tf.int64, "any")])
    def two(self, first, second):
        return first, second

    @tf.function(input_signature=[[FLOATS, {"b": FLOATS, "a": tf.TensorSpec([2], tf.string)}]])
    def nested(self, both):
        return both[0]

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def ragged(self, rows):
        return rows.flat_values

    @tf.function(input_signature=[tf.SparseTensorSpec([None, 4], tf.bfloat16)])
    def sparse(self, row):
        return row.values

    @tf.function
    def given(self, x, training=False, scale=1.0, mode="a'b", mask=None, *, size=3):
        return x * scale + size


directory = json.load(sys.stdin)
model = Functions()
model.given.get_concrete_function(FLOATS, training=True, scale=1e-7, mask=FLOATS)
model.bare = model.two.get_concrete_function()
tf.saved_model.save(model, directory)
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    saved_model_cli._show_all(directory)
print(json.dumps(printed.getvalue()))
