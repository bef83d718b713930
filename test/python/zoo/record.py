"""What TensorFlow answers, and what a SavedModel is made of, as files beside it."""

import base64
import json
import os

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

SERVE = "serve"
# What is no work for an engine.
NO_WORK = {"Placeholder", "NoOp"}


def record(model, path, requests):
    """Asks the model that was saved; writes `requests.json` and `facts.json`."""
    session_like = model.how == "TensorFlow 1"
    answers = _by_session(path, requests) if session_like else _by_signature(path, requests)
    told = [
        {"signature": signature, "inputs": _told(inputs), "outputs": _told(outputs)}
        for signature, inputs, outputs in answers
    ]
    _write(os.path.join(path, "requests.json"), told)
    _write(os.path.join(path, "facts.json"), {"family": model.family, "how": model.how, **_facts(path)})


def _by_signature(path, requests):
    loaded = tf.saved_model.load(path)
    for name, inputs in requests:
        call = loaded.signatures[name]
        specs = call.structured_input_signature[1]
        if not isinstance(inputs, dict):
            (alias,) = specs
            inputs = {alias: inputs}
        assert set(inputs) == set(specs), f"the signature takes {sorted(specs)}"
        fed = {alias: tf.constant(value, specs[alias].dtype) for alias, value in inputs.items()}
        outputs = {alias: value.numpy() for alias, value in call(**fed).items()}
        yield name, {alias: value.numpy() for alias, value in fed.items()}, outputs


def _by_session(path, requests):
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        meta = v1.saved_model.load(session, [SERVE], path)
        for name, inputs in requests:
            signature = meta.signature_def[name]
            typed = {
                alias: np.asarray(value, tf.dtypes.as_dtype(signature.inputs[alias].dtype).as_numpy_dtype)
                for alias, value in inputs.items()
            }
            fed = {signature.inputs[alias].name: value for alias, value in typed.items()}
            fed.update({
                signature.inputs[alias].name: tf.make_ndarray(value)
                for alias, value in signature.defaults.items() if alias not in inputs
            })
            wanted = {alias: info.name for alias, info in signature.outputs.items()}
            yield name, typed, session.run(wanted, fed)


def _told(tensors):
    return {alias: _tensor(value) for alias, value in tensors.items()}


def _tensor(value):
    # An array of bytes would lose the zeros at the end of a text.
    array = np.asarray(value, object if isinstance(value, (bytes, str)) else None)
    shape = list(array.shape)
    if array.dtype.kind == "O":
        strings = [value.encode() if isinstance(value, str) else value for value in array.reshape(-1)]
        return {"dtype": "DT_STRING", "shape": shape, "strings": [_base64(each) for each in strings]}
    dtype = types_pb2.DataType.Name(tf.dtypes.as_dtype(array.dtype).as_datatype_enum)
    return {"dtype": dtype, "shape": shape, "bytes": _base64(array.tobytes())}


def _base64(value):
    return base64.b64encode(value).decode()


def _facts(path):
    with open(os.path.join(path, "saved_model.pb"), "rb") as file:
        meta = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs[0]
    ops, parameters = _needed(meta)
    sizes = [
        os.path.getsize(os.path.join(folder, name))
        for folder, _, names in os.walk(path)
        for name in names if not name.endswith(".json")
    ]
    return {"ops": sorted(ops - NO_WORK), "parameters": parameters, "bytes": sum(sizes)}


def _needed(meta):
    """What the signatures' outputs need: operations, in functions that they call as well, and weights."""
    nodes = {node.name: node for node in meta.graph_def.node}
    functions = {each.signature.name: each for each in meta.graph_def.library.function}
    waiting = [
        info.name for name, signature in meta.signature_def.items()
        if name != "__saved_model_init_op" for info in signature.outputs.values()
    ]
    seen, called, ops = set(), set(), set()
    parameters = 0

    def take(node):
        ops.add(node.op)
        for attr in node.attr.values():
            for each in [attr.func, *attr.list.func]:
                if each.name and each.name not in called:
                    called.add(each.name)
                    for inner in functions[each.name].node_def:
                        take(inner)

    while waiting:
        name = waiting.pop().lstrip("^").split(":")[0]
        if name in seen:
            continue
        seen.add(name)
        node = nodes[name]
        take(node)
        if node.op in {"VarHandleOp", "VariableV2"}:
            parameters += int(np.prod([max(0, size.size) for size in node.attr["shape"].shape.dim]))
        waiting.extend(node.input)
    return ops, parameters


def _write(path, value):
    with open(path, "w") as file:
        json.dump(value, file, sort_keys=True)
