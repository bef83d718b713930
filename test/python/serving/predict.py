"""Predict over gRPC: versions, labels, element types, and what is refused."""

import json

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from .common import GIVEN, PREDICTION, TIMEOUT_S, check, equal, predict, refused, rest, values


@check
def predict_latest():
    response = predict("half", {"x": np.float32([2, 4])})
    equal(values(response, "y").tolist(), [4.0, 5.0])
    equal(response.outputs["y"].float_val[:], [4.0, 5.0], "typed fields")
    spec = response.model_spec
    equal((spec.name, spec.version.value, spec.signature_name), ("half", 3, "serving_default"))


@check
def predict_version_and_label():
    equal(values(predict("half", {"x": np.float32([2])}, version=2), "y").tolist(), [3.0])
    equal(values(predict("half", {"x": np.float32([2])}, label="stable"), "y").tolist(), [3.0])


@check
def predict_both_forms_of_a_tensor():
    typed = tf.make_tensor_proto([2.0, 4.0])
    filled = type(typed)(dtype=1, float_val=[6.0])
    filled.tensor_shape.dim.add().size = 3
    for proto in (tf.make_tensor_proto(np.float32([2, 4])), typed):
        equal(values(predict("half", {"x": proto}), "y").tolist(), [4.0, 5.0])
    equal(values(predict("half", {"x": filled}), "y").tolist(), [6.0, 6.0, 6.0], "one value fills")


ECHO = {
    "float32": np.float32([1.5, np.inf]), "float64": np.float64([0.1, np.nan]),
    "float16": np.float16([0.25, -2]), "bfloat16": np.array([1, 2], tf.bfloat16.as_numpy_dtype),
    "int8": np.int8([-128, 127]), "int16": np.int16([-32768, 32767]),
    "int32": np.int32([-2**31, 2**31 - 1]), "int64": np.int64([-2**63, 2**63 - 1]),
    "uint8": np.uint8([0, 255]), "uint16": np.uint16([0, 65535]),
    "uint32": np.uint32([0, 2**32 - 1]), "uint64": np.uint64([0, 2**64 - 1]),
    "bool": np.bool_([True, False]), "string": np.array([b"\xff\x00raw", "text".encode()], object),
    "complex64": np.complex64([1 + 2j, -3j]), "complex128": np.complex128([0.1 + 0.2j, 5]),
}


@check
def predict_every_element_type():
    response = predict("echo", ECHO)
    for name, value in ECHO.items():
        actual = values(response, f"{name}_out")
        equal(actual.dtype, value.dtype, name)
        np.testing.assert_array_equal(actual, value, err_msg=name)


@check
def predict_every_rank():
    for shape in ((), (1,), (2, 1), (1, 2, 1, 2, 1), (0,), (0, 3), (2, 0, 3)):
        sized = {name: np.resize(value, shape) for name, value in ECHO.items()}
        response = predict("echo", sized)
        for name, value in sized.items():
            actual = values(response, f"{name}_out")
            equal(actual.shape, shape, name)
            np.testing.assert_array_equal(actual, value, err_msg=name)


@check
def predict_typed_fields_of_every_element_type():
    inputs = {}
    for name, value in ECHO.items():
        # A list instead of an array makes the helper fill the typed field.
        inputs[name] = tf.make_tensor_proto(value.tolist(), dtype=value.dtype if name != "string" else tf.string)
    response = predict("echo", inputs, outputs=["int64_out", "string_out", "float16_out"])
    equal(sorted(response.outputs), ["float16_out", "int64_out", "string_out"])
    equal(values(response, "int64_out").tolist(), [-2**63, 2**63 - 1])


@check
def predict_empty_and_scalar():
    equal(values(predict("half", {"x": np.zeros([0], np.float32)}), "y").shape, (0,))
    total = values(predict("sleepy", {"rounds": np.int32(1)}), "total")
    np.testing.assert_allclose(total, 256, rtol=1e-4)


@check
def predict_text_through_a_table():
    response = predict("words", {"text": np.array([b"Late", b"EARLY", b"never"], object)})
    equal(values(response, "word").tolist(), [1, 2, 0])
    equal(values(response, "lower_bytes").tolist(), [b"late", b"early", b"never"])


@check
def predict_keras():
    x = np.float32(GIVEN["keras"]["x"])
    _, text = rest("/v1/models/keras/metadata")
    signature = json.loads(text)["metadata"]["signature_def"]["signature_def"]["serving_default"]
    [alias], [output] = signature["inputs"], signature["outputs"]
    answer = values(predict("keras", {alias: x}), output)
    np.testing.assert_allclose(answer, GIVEN["keras"]["y"], atol=1e-5)
    status, text = rest("/v1/models/keras:predict", {"instances": GIVEN["keras"]["x"]})
    equal(status, 200, text)
    np.testing.assert_allclose(json.loads(text)["predictions"], GIVEN["keras"]["y"], atol=1e-5)


@check
def predict_refusals():
    invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    x = np.float32([1])
    refused(lambda: PREDICTION.Predict(predict_pb2.PredictRequest(), TIMEOUT_S), invalid, "Missing ModelSpec")
    refused(lambda: predict("", {"x": x}), invalid, "ModelSpec has no name specified.")
    refused(lambda: predict("none", {"x": x}), missing, "Servable not found for request: Latest(none)")
    refused(lambda: predict("half", {"x": x}, version=9), missing, "Specific(half, 9)")
    refused(lambda: predict("half", {"x": x}, label="none"), invalid, "Unrecognized servable version label: none")
    refused(lambda: predict("half", {"x": x}, signature="none"), grpc.StatusCode.FAILED_PRECONDITION,
            'Serving signature key "none" not found.')
    refused(lambda: predict("half", {"a": x, "b": x}), invalid, "Sent extra: {a,b}. Missing but required: {x}.")
    refused(lambda: predict("half", {"z": x}), invalid)
    refused(lambda: predict("half", {"x": x}, outputs=["none"]), invalid, "output tensor alias not found in signature: none")
    refused(lambda: predict("half", {"x": x}, outputs=["y", "y"]), invalid, "duplicate output tensor alias: y")
    refused(lambda: predict("half", {"x": np.array(["a"], object)}), invalid)
    broken = tf.make_tensor_proto(np.float32([1, 2]))
    broken.tensor_shape.dim[0].size = 5
    refused(lambda: predict("half", {"x": broken}), invalid, "tensor parsing error: x")
