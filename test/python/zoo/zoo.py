"""How a model of the zoo is told: its name, how it is built and saved, and what it is asked."""

import os
import tempfile
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

DEFAULT = "serving_default"
# Every model, by its name.
MODELS = {}
# What layers begin with, all ones or zeros, would hide mistakes.
DULL = {"gamma", "beta", "bias", "moving_mean", "scale", "alpha", "embeddings"}
_random = np.random.default_rng(0)
_scratch = tempfile.TemporaryDirectory()


class Model:
    """A model that can be built: `save(path)` saves it, and gives requests as (signature, inputs)."""

    def __init__(self, name, family, how, save):
        self.name, self.family, self.how, self.save = name, family, how, save


def _add(name, function, how, save):
    assert name not in MODELS, name
    MODELS[name] = Model(name, function.__module__.replace("_", " "), how, save)


def seed(name):
    """Makes everything that follows the same in each run, whichever models are built."""
    global _random
    number = zlib.crc32(name.encode())
    keras.utils.set_random_seed(number)
    _random = np.random.default_rng(number)


def keras_model(name, save=("export",)):
    """Of a function that gives a Keras model and its requests: arrays, or dictionaries of them."""

    def add(function):
        for how in save:
            own = name if how == save[0] else f"{name}-{how}"
            _add(own, function, HOW[how], lambda path, how=how: _save_keras(function, name, how, path))
        return function

    return add


HOW = {"export": "model.export", "saved": "tf.saved_model.save"}


def _save_keras(function, name, how, path):
    seed(name)
    model, requests = function()
    shake(model)
    if how == "export":
        model.export(path, verbose=False)
    else:
        # A model without a graph of its own, and one that was only just changed, has to be called once.
        model(_tensors(requests[0]))
        tf.saved_model.save(model, path)
        requests = [_numbered(inputs) for inputs in requests]
    return [(DEFAULT, inputs) for inputs in requests]


def _numbered(inputs):
    """Without an export the names of several inputs are lost: they are numbered in their order."""
    if not isinstance(inputs, dict):
        return inputs
    aliases = ["inputs", *(f"inputs_{number}" for number in range(1, len(inputs)))]
    return {alias: inputs[name] for alias, name in zip(aliases, sorted(inputs))}


def _tensors(inputs):
    if isinstance(inputs, dict):
        return {alias: tf.constant(value) for alias, value in inputs.items()}
    return tf.constant(inputs)


def module(name):
    """Of a function that gives a module, its signatures, and requests as (signature, inputs)."""

    def add(function):
        def save(path):
            seed(name)
            made, signatures, requests = function()
            tf.saved_model.save(made, path, signatures=signatures)
            return requests

        _add(name, function, "tf.saved_model.save of a tf.Module", save)
        return function

    return add


def one_function(name, *specs):
    """Of a function of tensors that gives outputs by name: `requests` of it are lists of arrays."""

    def add(function):
        def save(path):
            seed(name)
            holder = tf.Module()
            holder.serve = tf.function(function, input_signature=list(specs))
            tf.saved_model.save(holder, path, signatures={DEFAULT: holder.serve})
            names = [spec.name for spec in specs]
            return [(DEFAULT, dict(zip(names, values, strict=True))) for values in function.requests()]

        _add(name, function, "tf.saved_model.save of a tf.function", save)
        return function

    return add


def asked(requests):
    """Says what a function of `one_function` is asked; called when the model is built."""

    def add(function):
        function.requests = requests
        return function

    return add


def tf1(name):
    """Of a function that saves a graph of TensorFlow 1 itself, and gives requests."""

    def add(function):
        def save(path):
            seed(name)
            with tf.Graph().as_default(), tf.compat.v1.Session() as session:
                tf.compat.v1.set_random_seed(zlib.crc32(name.encode()))
                return function(path, session)

        _add(name, function, "TensorFlow 1", save)
        return function

    return add


def scratch():
    """A new folder for files that are copied into a model."""
    return tempfile.mkdtemp(dir=_scratch.name)


def shake(model):
    """Gives the weights that begin as ones or zeros values of their own."""
    for weight in model.weights:
        own = weight.path.rsplit("/", 1)[-1]
        if own in DULL:
            weight.assign(_random.uniform(-0.5, 0.5, weight.shape).astype(np.float32) + weight.numpy())
        elif own == "moving_variance":
            weight.assign(_random.uniform(0.5, 1.5, weight.shape).astype(np.float32))


def floats(*shape, low=-2.0, high=2.0, dtype=np.float32):
    return _random.uniform(low, high, shape).astype(dtype)


def integers(low, high, *shape, dtype=np.int32):
    return _random.integers(low, high, shape).astype(dtype)


def bools(*shape):
    return _random.integers(0, 2, shape).astype(bool)


def texts(*values):
    """A vector of strings, given as text or bytes."""
    found = [value.encode() if isinstance(value, str) else value for value in values]
    return np.array(found, dtype=object)


def column(*values):
    return texts(*values).reshape(-1, 1)


def spec(name, shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype, name=name)
