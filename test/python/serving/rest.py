"""The REST API of the same models, by what JSON can say."""

import base64
import gzip
import json
import math

import numpy as np
import tensorflow as tf

from .common import GIVEN, check, equal, predict, rest, values


def predicted(name, body, **options):
    status, text = rest(f"/v1/models/{name}:predict", body, **options)
    equal(status, 200, text)
    return json.loads(text)


def refused_with(status, text, name, body):
    actual, answer = rest(f"/v1/models/{name}:predict", body)
    equal(actual, status, answer)
    assert text in json.loads(answer)["error"], answer


@check
def rest_rows_and_columns():
    equal(predicted("half", {"instances": [2, 4]}), {"predictions": [4.0, 5.0]})
    equal(predicted("half", {"instances": [{"x": 2}]}), {"predictions": [4.0]})
    equal(predicted("half", {"inputs": [2]}), {"outputs": [4.0]})
    equal(predicted("half", {"inputs": {"x": [2]}}), {"outputs": [4.0]})
    equal(predicted("half/versions/2", {"instances": [2]}), {"predictions": [3.0]})
    equal(predicted("half/labels/stable", {"instances": [2]}), {"predictions": [3.0]})


@check
def rest_numbers_as_upstream_writes_them():
    _, text = rest("/v1/models/half:predict", {"instances": [0, 1e7, math.inf, math.nan]})
    equal(text, '{\n    "predictions": [3.0, 5000003.0, Infinity, NaN\n    ]\n}')


@check
def rest_compressed():
    body = gzip.compress(json.dumps({"instances": [2]}).encode())
    equal(predicted("half", body, headers={"Content-Encoding": "gzip"}), {"predictions": [4.0]})


@check
def rest_text_and_bytes():
    answer = predicted("words", {"instances": ["Late", {"b64": base64.b64encode(b"EARLY").decode()}]})
    equal(answer, {"predictions": [
        {"word": 1, "lower_bytes": {"b64": base64.b64encode(b"late").decode()}},
        {"word": 2, "lower_bytes": {"b64": base64.b64encode(b"early").decode()}},
    ]})


JSON_TYPES = {
    "float32": [1.5, -2.25], "float64": [0.1, 1e300], "int8": [-128, 127], "int16": [-32768, 32767],
    "int32": [-2**31, 2**31 - 1], "int64": [-2**63, 2**63 - 1], "uint8": [0, 255],
    "uint32": [0, 2**32 - 1], "uint64": [0, 2**64 - 1], "bool": [True, False], "string": ["a", "ü"],
}


@check
def rest_every_element_type_that_json_has():
    answer = predicted("plain", {"inputs": JSON_TYPES})["outputs"]
    equal({name: answer[f"{name}_out"] for name in JSON_TYPES}, JSON_TYPES)
    rows = [{name: pair[row] for name, pair in JSON_TYPES.items()} for row in range(2)]
    answer = predicted("plain", {"instances": rows})["predictions"]
    equal([{name: each[f"{name}_out"] for name in JSON_TYPES} for each in answer], rows)


@check
def rest_refusals():
    refused_with(404, "Servable not found for request: Latest(none)", "none", {"instances": [1]})
    refused_with(400, "Serving signature name: \"none\" not found in signature def", "half",
                 {"signature_name": "none", "instances": [1]})
    refused_with(400, "is not of expected type: float", "half", {"instances": ["x"]})
    refused_with(400, "JSON Parse error", "half", b"{")
    # What only the runtime sees: a matrix product of the wrong width.
    status, text = rest("/v1/models/keras:predict", {"instances": [[1, 2, 3]]})
    equal(status, 400, text)


@check
def rest_classify_and_regress():
    _, text = rest("/v1/models/examples:classify",
                   {"signature_name": "classify", "examples": [{"x": 1.5}, {"x": -2}]})
    assert "error" in text, "a whole number is an int64 feature, and the model wants floats"
    status, text = rest("/v1/models/examples:classify",
                        {"signature_name": "classify", "examples": [{"x": 1.5}, {"x": [-2.0]}]})
    equal((status, json.loads(text)["results"]),
          (200, [[["plus", 1.5], ["minus", -1.5]], [["plus", -2.0], ["minus", 2.0]]]))
    status, text = rest("/v1/models/examples:regress",
                        {"signature_name": "regress", "examples": [{"x": 2.0, "age": 1}]})
    equal((status, json.loads(text)), (200, {"results": [2.0]}))


@check
def rest_serialized_examples():
    serialized = tf.train.Example()
    serialized.features.feature["x"].float_list.value.append(2.0)
    serialized.features.feature["name"].bytes_list.value.append(b"Ann")
    encoded = {"b64": base64.b64encode(serialized.SerializeToString()).decode()}
    equal(predicted("examples", {"signature_name": "names", "inputs": [encoded]}), {"outputs": [["Ann"]]})


@check
def rest_answers_as_grpc():
    x = np.linspace(-2, 2, 40, dtype=np.float32).reshape(10, 4)
    [alias] = GIVEN["keras"]["inputs"]
    [output] = GIVEN["keras"]["outputs"]
    np.testing.assert_allclose(
        predicted("keras", {"instances": x.tolist()})["predictions"],
        values(predict("keras", {alias: x}), output), rtol=1e-6)


@check
def rest_status_and_metadata():
    status, text = rest("/v1/models/half")
    equal((status, [each["version"] for each in json.loads(text)["model_version_status"]]), (200, ["3", "2"]))
    status, text = rest("/v1/models/half/metadata")
    answer = json.loads(text)
    equal(answer["model_spec"], {"name": "half", "signature_name": "", "version": "3"})
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    equal(signatures["serving_default"]["inputs"]["x"]["dtype"], "DT_FLOAT")
    equal(signatures["__saved_model_init_op"], {
        "inputs": {},
        "outputs": {"__saved_model_init_op": {
            "dtype": "DT_INVALID", "tensor_shape": {"dim": [], "unknown_rank": True}, "name": "NoOp"}},
        "method_name": "", "defaults": {},
    })
    refused_with(400, 'Serving signature name: "__saved_model_init_op" not found in signature def', "half",
                 {"signature_name": "__saved_model_init_op", "inputs": {}})
