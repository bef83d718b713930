"""Writes models by TensorFlow itself for the client's tests.

Reads {"root": folder} on standard input and writes <root>/<name>/<version>/; prints what is to be expected of some.
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

JSON_DTYPES = [
    tf.float32, tf.float64, tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint32, tf.uint64,
    tf.bool, tf.string,
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


class Plain(tf.Module):
    """Answers each input of the types that JSON has."""

    @tf.function(input_signature=[
        tf.TensorSpec([None], dtype, name=dtype.name) for dtype in JSON_DTYPES
    ])
    def serve(self, *tensors):
        return {f"{dtype.name}_out": tf.identity(tensor) for dtype, tensor in zip(JSON_DTYPES, tensors)}


class Matrix(tf.Module):
    """y = x W, of one column."""

    def __init__(self):
        super().__init__()
        self.weights = tf.Variable([[2.0]])

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="x")])
    def serve(self, x):
        return {"y": x @ self.weights}


class Counter(tf.Module):
    """Counts in a variable, as upstream's saved_model_counter."""

    def __init__(self):
        super().__init__()
        self.count = tf.Variable(0.0)

    @tf.function(input_signature=[])
    def get(self):
        return {"count": self.count.read_value()}

    @tf.function(input_signature=[])
    def reset(self):
        return {"count": self.count.assign(0.0)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, name="by")])
    def increase(self, by):
        return {"count": self.count.assign_add(by)}


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


class Kinds(tf.Module):
    """What graphs of TensorFlow may hold beside arithmetic: branches, loops, tables, ragged rows, assertions."""

    def __init__(self):
        super().__init__()
        self.seen = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
        self.history = tf.Variable(tf.zeros([0]), shape=[None])

    @tf.function(input_signature=[])
    def constants(self):
        return {"row": tf.constant([1, 2]), "text": tf.constant("hello"), "none": tf.zeros([0, 3])}

    @tf.function(input_signature=[
        tf.TensorSpec([None], tf.float32, name="x"), tf.TensorSpec([], tf.bool, name="doubled")])
    def branch(self, x, doubled):
        return {"y": tf.cond(doubled, lambda: x * 2, lambda: tf.nn.relu(x))}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, name="count")])
    def loop(self, count):
        squares = tf.TensorArray(tf.int32, size=count)
        for index in tf.range(count):
            if index % 2 == 0:
                squares = squares.write(index, index * index)
        return {"squares": squares.stack()}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="lines")])
    def words(self, lines):
        words = tf.strings.split(lines)
        return {"counts": words.row_lengths(), "table": words.to_tensor("-"), "flat": words.flat_values}

    @tf.function(input_signature=[
        tf.TensorSpec([None], tf.string, name="names"), tf.TensorSpec([], tf.float32, name="x")])
    def remember(self, names, x):
        self.seen.insert(names, tf.range(tf.size(names, tf.int64)))
        self.history.assign(tf.concat([self.history, [x]], 0))
        return {"size": self.seen.size(), "history": self.history.read_value()}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="x")])
    def assured(self, x):
        with tf.control_dependencies([tf.debugging.assert_positive(x, "x has to be positive")]):
            return {"y": tf.gather([1.0, 2.0, 3.0], x), "ratio": 6 // x}


KINDS = ["constants", "branch", "loop", "words", "remember", "assured"]
# What each is asked, in this order.
KIND_CASES = [
    ("constants", {}), ("branch", {"x": [-1.0, 1.0], "doubled": True}),
    ("branch", {"x": [-1.0, 1.0], "doubled": False}), ("branch", {"x": [], "doubled": True}),
    ("loop", {"count": 5}), ("loop", {"count": 0}), ("words", {"lines": ["a b c", "", "größe"]}),
    ("remember", {"names": ["a", "b"], "x": 1.0}), ("remember", {"names": ["b"], "x": 2.0}),
    ("assured", {"x": [1, 2]}), ("assured", {"x": [-4]}), ("assured", {"x": [7]}),
]


def save_kinds(path):
    """Gives what TensorFlow answers to each case; None where it refuses."""
    module = Kinds()
    tf.saved_model.save(module, path, signatures={name: getattr(module, name) for name in KINDS})
    signatures = tf.saved_model.load(path).signatures
    cases = []
    for name, inputs in KIND_CASES:
        _, specs = signatures[name].structured_input_signature
        tensors = {alias: tf.constant(value, specs[alias].dtype) for alias, value in inputs.items()}
        try:
            outputs = {alias: plain(value) for alias, value in signatures[name](**tensors).items()}
        except tf.errors.InvalidArgumentError:
            outputs = None
        dtypes = {alias: specs[alias].dtype.name for alias in inputs}
        cases.append({"signature": name, "inputs": inputs, "dtypes": dtypes, "outputs": outputs})
    return cases


def plain(tensor):
    """The values as JSON has them."""
    values = tensor.numpy()
    return np.vectorize(lambda text: text.decode(), otypes=[object])(values).tolist() \
        if tensor.dtype == tf.string else values.tolist()


def save_sequences(path):
    """Keras: texts to words to a masked recurrent layer, and an image beside it; two outputs."""
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(5)
    text, image = tf.keras.Input([1], dtype="string", name="text"), tf.keras.Input([8, 8, 3], name="image")
    words = layers.TextVectorization(vocabulary=["late", "early", "refund"], output_sequence_length=4)(text)
    memory = layers.Bidirectional(layers.LSTM(3))(layers.Embedding(6, 4, mask_zero=True)(words))
    pixels = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(layers.Conv2D(4, 3)(image)))
    joined = layers.Concatenate()([memory, pixels])
    outputs = {"score": layers.Dense(1, activation="sigmoid")(joined), "words": words}
    model = tf.keras.Model({"text": text, "image": image}, outputs)
    model.export(path, verbose=False)
    rows = {"text": [["Late, LATE refund!"], [""]], "image": np.linspace(0, 1, 384).reshape(2, 8, 8, 3).tolist()}
    answers = model({"text": tf.constant(rows["text"]), "image": tf.constant(rows["image"])})
    return {"inputs": rows, "outputs": {alias: value.numpy().tolist() for alias, value in answers.items()}}


def infos(**tensors):
    return {key: tf.compat.v1.saved_model.build_tensor_info(tensor) for key, tensor in tensors.items()}


def define(inputs, outputs, method="predict", **more):
    method_name = f"tensorflow/serving/{method}"
    return tf.compat.v1.saved_model.build_signature_def(inputs, outputs, method_name, **more)


def save_tf1(path):
    """y = x W + b with variables, an optimizer's slots beside them, as TF 1 had it."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        weights = v1.get_variable("weights", initializer=[[1.0, 2.0], [3.0, 4.0]], use_resource=False)
        bias = v1.get_variable("bias", initializer=[1.0, 1.0], use_resource=True)
        y = tf.matmul(x, weights) + bias
        v1.train.AdamOptimizer().minimize(tf.reduce_sum(y))
        session.run(v1.global_variables_initializer())
        session.run(weights.assign([[1.0, 2.0], [3.0, 4.0]]))
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(
            session, ["serve"], signature_def_map={"serving_default": define(infos(x=x), infos(y=y))})
        builder.save()


def save_defaults(path):
    """y = x + plus; who gives no plus gets 10."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        plus = v1.placeholder(tf.float32, [], name="plus")
        signature = define(infos(x=x, plus=plus), infos(y=x + plus),
                           defaults={"plus": tf.constant(10.0)})
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(
            session, ["serve"], signature_def_map={"serving_default": signature})
        builder.save()


def save_tags(path):
    """Two graphs over one set of variables: y = x + 1 to serve, y = x + 100 with another tag."""
    v1 = tf.compat.v1
    builder = v1.saved_model.Builder(path)
    for tags, addend in ((["serve"], 1.0), (["serve", "other"], 100.0)):
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [None], name="x")
            scale = v1.get_variable("scale", initializer=1.0)
            y = x * scale + addend
            session.run(v1.global_variables_initializer())
            signatures = {"serving_default": define(infos(x=x), infos(y=y))}
            if addend == 1.0:
                builder.add_meta_graph_and_variables(session, tags, signature_def_map=signatures)
            else:
                builder.add_meta_graph(tags, signature_def_map=signatures)
    builder.save()


def save_texts(path):
    """Keras with a vocabulary and a normalization of its own, over named inputs."""
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(11)
    colour = tf.keras.Input([1], dtype="string", name="colour")
    size = tf.keras.Input([1], name="size")
    encoded = layers.StringLookup(vocabulary=["red", "green"], output_mode="one_hot")(colour)
    scaled = layers.Normalization(mean=[3.0], variance=[4.0])(size)
    y = layers.Dense(2, activation="sigmoid", name="answer")(layers.Concatenate()([encoded, scaled]))
    model = tf.keras.Model({"colour": colour, "size": size}, y)
    model.export(path, verbose=False)
    inputs = {"colour": [["red"], ["green"], ["mauve"]], "size": [[1.0], [5.0], [3.0]]}
    tensors = {"colour": tf.constant(inputs["colour"]), "size": tf.constant(inputs["size"])}
    [output] = tf.saved_model.load(path).signatures["serving_default"].structured_outputs
    return {"inputs": inputs, "output": output, "y": model(tensors).numpy().tolist()}


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
        builder = tf.compat.v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map={
            "serving_default": define(infos(x=x), infos(y=value)),
            "classify": define(
                infos(inputs=serialized), infos(classes=classes, scores=scores), "classify"),
            "regress": define(
                infos(inputs=serialized), infos(outputs=value), "regress"),
            "names": define(
                infos(inputs=serialized), infos(name=features["name"])),
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
    serve = tf.saved_model.load(path).signatures["serving_default"]
    return {
        "x": x.tolist(), "y": model(x).numpy().tolist(),
        "inputs": list(serve.structured_input_signature[1]), "outputs": list(serve.structured_outputs),
    }


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
    for name, module in (("echo", Echo()), ("words", Words()), ("sleepy", Sleepy()),
                         ("plain", Plain()), ("matrix", Matrix())):
        tf.saved_model.save(module, at(name, 1), signatures=module.serve)
    counter = Counter()
    tf.saved_model.save(counter, at("counter", 1), signatures={
        "get": counter.get, "reset": counter.reset, "increase": counter.increase})
    save_examples(at("examples", 1))
    save_tf1(at("tf1", 1))
    save_defaults(at("defaults", 1))
    save_tags(at("tags", 1))
    texts = save_texts(at("texts", 1))
    keras = save_keras(at("keras", 20260101))
    kinds, sequences = save_kinds(at("kinds", 1)), save_sequences(at("sequences", 1))
    age(root)
    print(json.dumps({"keras": keras, "texts": texts, "kinds": kinds, "sequences": sequences}))


main()
