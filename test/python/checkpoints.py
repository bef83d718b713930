"""Writes checkpoints as TensorFlow does, and reads those that others wrote: JSON in, JSON out.

{"do": "write", "directory": d} writes checkpoints below d and prints, for each, its tensors by name.
{"do": "read", "prefix": p} prints the tensors of a checkpoint as both of TensorFlow's readers see them.
A tensor is its type, shape and bytes (base64), or texts.
"""

import base64
import json
import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

DTYPES = [
    tf.float32, tf.float64, tf.int32, tf.uint8, tf.int16, tf.int8, tf.complex64, tf.int64, tf.bool,
    tf.bfloat16, tf.uint16, tf.complex128, tf.float16, tf.uint32, tf.uint64,
]  # fmt: skip
SHAPES = [[], [0], [7], [0, 3], [2, 3, 4]]
MANY = 6000

random = np.random.default_rng(7)


def plain(value):
    """A tensor for JSON. The values of numbers are as they are in memory."""
    array = value.numpy() if hasattr(value, "numpy") else value
    if isinstance(array, bytes):
        array = np.array(array, dtype=object)
    array = np.asarray(array)
    dtype = getattr(value, "dtype", None) or array.dtype
    dtype = tf.string if array.dtype == object else tf.as_dtype(dtype)
    found = {"dtype": types_pb2.DataType.Name(dtype.as_datatype_enum), "shape": list(array.shape)}
    if dtype == tf.string:
        found["texts"] = [base64.b64encode(each).decode() for each in array.reshape(-1).tolist()]
    else:
        found["bytes"] = base64.b64encode(array.tobytes()).decode()
    return found


def some(dtype, shape):
    """Random bits: not-a-numbers of every kind are among them."""
    numpy = dtype.as_numpy_dtype
    count = int(np.prod(shape, dtype=np.int64))
    if dtype == tf.bool:
        return (random.integers(0, 2, count) == 1).reshape(shape)
    bits = random.bytes(count * np.dtype(numpy).itemsize)
    return np.frombuffer(bits, dtype=numpy).reshape(shape)


def save(prefix, named, slices=None):
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=[name for name, _ in named],
        shape_and_slices=slices or [""] * len(named),
        tensors=[value for _, value in named],
    )


def write_all(prefix):
    """Every type and shape, texts, and names of all kinds."""
    named = []
    for dtype in DTYPES:
        for shape in SHAPES:
            named.append((f"{dtype.name}/{'x'.join(map(str, shape))}", tf.constant(some(dtype, shape))))
    texts = [b"", b"plain", "é\u4e2d".encode(), b"\xff\xfe\x00\x80", b"\0", bytes(random.bytes(300_000))]
    named.append(("text/scalar", tf.constant(b"alone")))
    named.append(("text/no", tf.constant("")))
    named.append(("text/none", tf.zeros([0, 2], tf.string)))
    named.append(("text/some", tf.constant(texts, shape=[2, 3])))
    named.append(("text/many", tf.constant([b"%d" % at for at in range(40_000)])))
    named.append(("große/变量", tf.constant([1.0])))
    named.append(("x" * 5000, tf.constant([2.0])))
    named.append((b"\xff\x00name", tf.constant([3.0])))
    named.append(("large", tf.constant(some(tf.float32, [700, 1024]))))
    save(prefix, named)
    return named


def write_many(prefix):
    """So many that their entries take more than one block of the index."""
    named = [(f"model/layer_{at}/kernel/.ATTRIBUTES/VARIABLE_VALUE", tf.constant([at])) for at in range(MANY)]
    save(prefix, named)
    return named


def parts(full, name, cuts):
    """The slices of a tensor, with TensorFlow's words for them."""
    head = " ".join(map(str, full.shape))
    found = []
    for cut in cuts:
        at = tuple(slice(None) if c is None else slice(c[0], c[0] + c[1]) for c in cut)
        spec = ":".join("-" if c is None else f"{c[0]},{c[1]}" for c in cut)
        found.append(((name, tf.constant(full[at])), f"{head} {spec}"))
    return found


def write_partitioned(prefix):
    """Slices along each axis, along several, and with starts and lengths of one and of more bytes."""
    rows = [(0, 4), (4, 3), (7, 3)]
    long = [(0, 63), (63, 1), (64, 8000), (8064, 9000), (17064, 2936)]
    given = [
        ("rows", some(tf.float32, [10, 4]), [[r, (0, 4)] for r in rows]),
        ("columns", some(tf.int64, [3, 10]), [[None, r] for r in rows]),
        ("grid", some(tf.complex64, [10, 10, 2]), [[a, b, None] for a in rows for b in rows]),
        ("long", some(tf.uint8, [20000]), [[r] for r in long]),
        ("inner", some(tf.float64, [2, 10, 3]), [[(a, 1), b, (0, 3)] for a in (0, 1) for b in rows]),
    ]
    given += [(f"type/{d.name}", some(d, [10, 2]), [[r, None] for r in rows]) for d in DTYPES]
    given.append(("n\0ul", some(tf.int32, [10]), [[r] for r in rows]))
    all_parts = [part for name, full, cuts in given for part in parts(full, name, cuts)]
    save(prefix, [named for named, _ in all_parts], [spec for _, spec in all_parts])
    return [(name, full) for name, full, _ in given]


def write_merged(prefix):
    """Three shards, a partitioned variable in all of them."""
    full = some(tf.float32, [9, 5])
    cuts = parts(full, "spread", [[(0, 2), None], [(2, 3), None], [(5, 4), None]])
    named = [("spread", full)]
    prefixes = [f"{prefix}_part{at}" for at in range(3)]
    for at, part in enumerate(prefixes):
        own = (f"own_{at}", tf.constant(some(tf.int32, [at + 1])))
        text = (f"text_{at}", tf.constant([b"in", b"shard %d" % at]))
        named += [own, text]
        save(part, [own, cuts[at][0], text], ["", cuts[at][1], ""])
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=prefixes, destination_prefix=prefix, delete_old_dirs=False
    )
    return named


def write_saver(prefix):
    """TensorFlow 1: a partitioned variable, and a saver that writes a shard for each device."""
    v1 = tf.compat.v1
    named = []
    with tf.Graph().as_default():
        for at in range(2):
            with tf.device(f"/cpu:{at}"):
                named.append((f"v{at}", v1.get_variable(f"v{at}", initializer=some(tf.int32, [3, at + 1]))))
        whole = v1.get_variable(
            "partitioned", [11, 3], partitioner=v1.fixed_size_partitioner(4),
            initializer=v1.random_uniform_initializer(seed=1),
        )  # fmt: skip
        config = v1.ConfigProto(device_count={"CPU": 2})
        with v1.Session(config=config) as session:
            session.run(v1.global_variables_initializer())
            v1.train.Saver(sharded=True).save(session, prefix, write_meta_graph=False, write_state=False)
            values = session.run([variable for _, variable in named])
            joined = session.run(whole.as_tensor())
    return [(name, value) for (name, _), value in zip(named, values)] + [("partitioned", joined)]


def write_model(prefix):
    """What a SavedModel of a module has beside its graph."""
    module = tf.Module()
    module.kernel = tf.Variable(some(tf.float32, [4, 3]))
    module.steps = tf.Variable(some(tf.int64, []))
    tf.saved_model.save(module, prefix)
    reader = tf.train.load_checkpoint(os.path.join(prefix, "variables/variables"))
    return [(name, reader.get_tensor(name)) for name in reader.get_variable_to_shape_map()]


def write_foreign(prefix):
    """A type that is not carried, beside one that is."""
    foreign = tf.bitcast(tf.constant([1, 2, 3], tf.int8), tf.qint8)
    save(prefix, [("quantized", foreign), ("carried", tf.constant([1.5]))])
    return [("carried", tf.constant([1.5]))]


WRITERS = {
    "all": write_all,
    "many": write_many,
    "partitioned": write_partitioned,
    "merged": write_merged,
    "saver": write_saver,
    "model": write_model,
    "foreign": write_foreign,
}


def text_of(name):
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def write(directory):
    printed = {}
    for kind, writer in WRITERS.items():
        prefix = os.path.join(directory, kind)
        named = writer(prefix)
        if kind == "model":
            prefix = os.path.join(prefix, "variables/variables")
        tensors = {text_of(name): plain(value) for name, value in named}
        printed[kind] = {"prefix": prefix, "tensors": tensors}
    return printed


def read(prefix):
    reader = tf.train.load_checkpoint(prefix)
    dtypes = reader.get_variable_to_dtype_map()
    names = sorted(dtypes)
    restored = tf.raw_ops.RestoreV2(
        prefix=prefix,
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        dtypes=[dtypes[name] for name in names],
    )
    return {
        "reader": {name: plain(reader.get_tensor(name)) for name in names},
        "restored": {name: plain(value) for name, value in zip(names, restored)},
    }


given = json.load(sys.stdin)
print(json.dumps(write(given["directory"]) if given["do"] == "write" else read(given["prefix"])))
