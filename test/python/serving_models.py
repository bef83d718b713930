"""Writes models by TensorFlow itself for the client's tests.

Reads {"root": folder} on standard input and writes <root>/<name>/<version>/; prints their names.
"""

import json
import os
import sys
import time

import numpy as np
import tensorflow as tf

DTYPES = [
    tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.int16, tf.int32, tf.int64,
    tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.bool, tf.string, tf.complex64, tf.complex128,
]


class HalfPlus(tf.Module):
    """y = 0.5 x + plus, with its numbers in variables."""

    def __init__(self, plus):
        super().__init__()
        self.half = tf.Variable(0.5)
        self.plus = tf.Variable(float(plus))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def serve(self, x):
        return {"y": self.half * x + self.plus}


class Echo(tf.Module):
    """Answers each input: one of each element type."""

    @tf.function(input_signature=[
        tf.TensorSpec(None, dtype, name=dtype.name) for dtype in DTYPES
    ])
    def serve(self, *tensors):
        return {f"{dtype.name}_out": tf.identity(tensor) for dtype, tensor in zip(DTYPES, tensors)}


class Words(tf.Module):
    """Counts known words through a lookup table, and gives the text back in small letters."""

    def __init__(self):
        super().__init__()
        self.table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["late", "early"], tf.constant([1, 2], tf.int64)),
            default_value=0,
        )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(self, text):
        lower = tf.strings.lower(text)
        return {"word": self.table.lookup(lower), "lower_bytes": lower}


class Sleepy(tf.Module):
    """Runs for long, which a deadline ends for its caller."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, name="rounds")])
    def serve(self, rounds):
        matrix = tf.ones([256, 256])
        total = tf.while_loop(
            lambda i, m: i < rounds, lambda i, m: (i + 1, tf.nn.softmax(m @ matrix)), [0, matrix]
        )[1]
        return {"total": tf.reduce_sum(total)}


def save_examples(path):
    """Signatures for classify, regress and predict on parsed Examples, in the style of TF 1."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        serialized = tf.compat.v1.placeholder(tf.string, [None], name="tf_example")
        features = tf.io.parse_example(serialized, {
            "x": tf.io.FixedLenFeature([1], tf.float32),
            "name": tf.io.FixedLenFeature([1], tf.string, default_value="nobody"),
            "age": tf.io.FixedLenFeature([1], tf.int64, default_value=7),
        })
        x = tf.identity(features["x"], name="x")
        scores = tf.concat([x, -x], axis=1)
        classes = tf.tile(tf.constant([["plus", "minus"]]), [tf.shape(x)[0], 1])
        value = 0.5 * x + tf.cast(features["age"], tf.float32)
        build = tf.compat.v1.saved_model.build_tensor_info
        info = lambda **tensors: {key: build(tensor) for key, tensor in tensors.items()}
        define = tf.compat.v1.saved_model.build_signature_def
        builder = tf.compat.v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map={
            "serving_default": define(info(x=x), info(y=value), "tensorflow/serving/predict"),
            "classify": define(
                info(inputs=serialized), info(classes=classes, scores=scores),
                "tensorflow/serving/classify"),
            "regress": define(
                info(inputs=serialized), info(outputs=value), "tensorflow/serving/regress"),
            "names": define(
                info(inputs=serialized), info(name=features["name"]), "tensorflow/serving/predict"),
        })
        builder.save()


def save_keras(path):
    """A network of Keras; gives rows and what Keras itself answers to them."""
    tf.keras.utils.set_random_seed(7)
    model = tf.keras.Sequential([
        tf.keras.Input([4]),
        tf.keras.layers.Dense(8, activation="relu"),
        tf.keras.layers.Dense(3, activation="softmax"),
    ])
    model.export(path, verbose=False)
    x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    return {"x": x.tolist(), "y": model(x).numpy().tolist()}


def age(root):
    """Makes all files a minute old: the server leaves alone what may still be being written."""
    then = time.time() - 60
    for folder, _, files in os.walk(root):
        for file in files:
            os.utime(os.path.join(folder, file), (then, then))


def main():
    root = json.load(sys.stdin)["root"]
    at = lambda name, version: os.path.join(root, name, str(version))
    for version in (1, 2, 3):
        module = HalfPlus(version)
        tf.saved_model.save(module, at("half", version), signatures=module.serve)
    for name, module in (("echo", Echo()), ("words", Words()), ("sleepy", Sleepy())):
        tf.saved_model.save(module, at(name, 1), signatures=module.serve)
    save_examples(at("examples", 1))
    keras = save_keras(at("keras", 20260101))
    age(root)
    print(json.dumps({"keras": keras}))


main()
