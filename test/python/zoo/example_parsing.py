"""Signatures that take serialized Examples, as estimators had them."""

from tf1 import signature, write
from zoo import DEFAULT, floats, module, np, spec, texts, tf, tf1 as tf1_model

FIXED = {
    "x": tf.io.FixedLenFeature([2], tf.float32),
    "name": tf.io.FixedLenFeature([1], tf.string, default_value="nobody"),
    "age": tf.io.FixedLenFeature([], tf.int64, default_value=7),
}


def _example(**features):
    def feature(values):
        if isinstance(values[0], str):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() for v in values]))
        if isinstance(values[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    told = {name: feature(values) for name, values in sorted(features.items()) if values}
    return tf.train.Example(features=tf.train.Features(feature=told)).SerializeToString(deterministic=True)


ROWS = texts(
    _example(x=[1.5, -2.0], name=["Ada"], age=[36], tags=["a", "b"]),
    _example(x=[0.0, 0.25]),
    _example(x=[3.0, 4.0], name=["größe"], tags=["c"]),
)


@tf1_model("example-classify-and-regress")
def classify_and_regress(path, session):
    v1 = tf.compat.v1
    serialized = v1.placeholder(tf.string, [None], name="input_example_tensor")
    features = tf.io.parse_example(serialized, FIXED)
    weights = v1.get_variable("weights", initializer=floats(2, 3), use_resource=True)
    logits = tf.matmul(features["x"], weights)
    scores = tf.nn.softmax(logits, name="scores")
    classes = tf.tile(tf.constant([["0", "1", "2"]]), [tf.shape(logits)[0], 1])
    value = tf.reduce_sum(logits, 1, keepdims=True) + tf.cast(features["age"], tf.float32)[:, None]
    session.run(v1.global_variables_initializer())
    examples = {"inputs": serialized}
    write(path, session, {
        DEFAULT: signature(examples, {"classes": classes, "scores": scores}, "classify"),
        "regression": signature(examples, {"outputs": value}, "regress"),
        "predict": signature({"examples": serialized}, {"logits": logits, "names": features["name"]}),
    })
    asked = [(name, {"inputs": rows}) for name in (DEFAULT, "regression") for rows in (ROWS[:1], ROWS)]
    return [*asked, ("predict", {"examples": ROWS})]


@tf1_model("example-parse-example-v1")
def parse_example_v1(path, session):
    v1 = tf.compat.v1
    serialized = v1.placeholder(tf.string, [None], name="serialized")
    parsed = tf.raw_ops.ParseExample(
        serialized=serialized, names=tf.constant([], tf.string), sparse_keys=["tags"],
        dense_keys=["x", "age"],
        dense_defaults=[tf.constant([], tf.float32), tf.constant(7, tf.int64)],
        sparse_types=[tf.string], dense_shapes=[[2], []])
    tags = tf.SparseTensor(parsed.sparse_indices[0], parsed.sparse_values[0], parsed.sparse_shapes[0])
    outputs = {
        "x": parsed.dense_values[0], "age": parsed.dense_values[1],
        "tags": tf.sparse.to_dense(tags, default_value="-"),
    }
    write(path, session, {DEFAULT: signature({"serialized": serialized}, outputs)})
    return [(DEFAULT, {"serialized": rows}) for rows in (ROWS[:1], ROWS)]


def _served(function):
    holder = tf.Module()
    holder.serve = tf.function(function, input_signature=[spec("serialized", [None], tf.string)])
    requests = [(DEFAULT, {"serialized": rows}) for rows in (ROWS[:1], ROWS)]
    return holder, {DEFAULT: holder.serve}, requests


@module("example-fixed-features")
def fixed():
    return _served(lambda serialized: tf.io.parse_example(serialized, FIXED))


@module("example-ragged-and-sparse-features")
def ragged_and_sparse():
    def serve(serialized):
        parsed = tf.io.parse_example(serialized, {
            "x": tf.io.RaggedFeature(tf.float32),
            "tags": tf.io.VarLenFeature(tf.string),
            "age": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True, default_value=0),
        })
        return {
            "x": parsed["x"].to_tensor(), "tags": tf.sparse.to_dense(parsed["tags"], ""),
            "age": parsed["age"],
            "tag_count": tf.math.bincount(tf.cast(parsed["tags"].indices[:, 0], tf.int32), minlength=1),
        }

    return _served(serve)


@module("example-network")
def network():
    holder = tf.Module()
    holder.weights = tf.Variable(floats(6, 2))

    def serve(serialized):
        parsed = tf.io.parse_example(serialized, FIXED)
        bucket = tf.one_hot(tf.strings.to_hash_bucket_fast(parsed["name"][:, 0], 3), 3)
        age = tf.cast(parsed["age"], tf.float32)[:, None] / 100.0
        rows = tf.concat([parsed["x"], bucket, age], 1)
        return {"scores": tf.sigmoid(rows @ holder.weights)}

    made, signatures, requests = _served(serve)
    holder.serve = made.serve
    return holder, signatures, requests


@module("example-sequence")
def sequence():
    def serve(serialized):
        context, steps, _ = tf.io.parse_sequence_example(
            serialized, {"age": tf.io.FixedLenFeature([], tf.int64)},
            {"x": tf.io.FixedLenSequenceFeature([2], tf.float32)})
        return {"age": context["age"], "x": steps["x"]}

    made, signatures, _ = _served(serve)
    lists = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]]
    rows = [_sequence(age, steps) for age, steps in zip([3, 4], lists)]
    return made, signatures, [(DEFAULT, {"serialized": np.array(rows, object)})]


def _sequence(age, steps):
    told = tf.train.SequenceExample()
    told.context.feature["age"].int64_list.value.append(age)
    for step in steps:
        told.feature_lists.feature_list["x"].feature.add().float_list.value.extend(step)
    return told.SerializeToString(deterministic=True)
