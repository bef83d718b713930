"""TensorFlow Serving's own Python client against a running server.

Reads {"grpc": address, "rest": url, "root": folder of the models, "keras": {"x", "y"}} on standard
input; prints a JSON list of {"name", "ok", "detail"}, one for each check.
"""

import json
import sys
import time
import traceback
import urllib.error
import urllib.request

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import wrappers_pb2
from tensorflow_serving.apis import (
    classification_pb2, get_model_metadata_pb2, get_model_status_pb2, inference_pb2,
    model_management_pb2, model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc,
    regression_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

GIVEN = json.load(sys.stdin)
TIMEOUT_S = 30
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def stubs(**options):
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    channel = grpc.insecure_channel(GIVEN["grpc"], options=unlimited, **options)
    return (prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel))


PREDICTION, MODEL = stubs()


def predict_request(name, inputs, version=None, label=None, signature="", outputs=()):
    request = predict_pb2.PredictRequest(output_filter=list(outputs))
    fill(request.model_spec, name, version, label, signature)
    for alias, value in inputs.items():
        is_message = hasattr(value, "tensor_shape")
        request.inputs[alias].CopyFrom(value if is_message else tf.make_tensor_proto(value))
    return request


def fill(spec, name, version=None, label=None, signature=""):
    spec.name = name
    spec.signature_name = signature
    if version is not None:
        spec.version.CopyFrom(wrappers_pb2.Int64Value(value=version))
    if label is not None:
        spec.version_label = label


def predict(*args, **options):
    return PREDICTION.Predict(predict_request(*args, **options), TIMEOUT_S)


def values(response, alias):
    return tf.make_ndarray(response.outputs[alias])


def equal(actual, expected, what=""):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r} is not {expected!r}")


def refused(call, code, *parts):
    """The call fails with this status and these words."""
    try:
        call()
    except grpc.RpcError as error:
        equal(error.code(), code, error.details())
        for part in parts:
            assert part in error.details(), f"{part!r} is not in {error.details()!r}"
        return
    raise AssertionError(f"not refused; {code} was expected")


def rest(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(GIVEN["rest"] + path, data)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def example(**features):
    def feature(value):
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Example(features=tf.train.Features(
        feature={name: feature(value) for name, value in features.items()}))


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


@check
def classify_and_regress():
    request = classification_pb2.ClassificationRequest()
    fill(request.model_spec, "examples", signature="classify")
    request.input.example_list.examples.extend([example(x=1.5), example(x=-2.0)])
    response = PREDICTION.Classify(request, TIMEOUT_S)
    equal([[(c.label, c.score) for c in row.classes] for row in response.result.classifications],
          [[("plus", 1.5), ("minus", -1.5)], [("plus", -2.0), ("minus", 2.0)]])
    equal((response.model_spec.version.value, response.model_spec.signature_name), (1, "classify"))
    request = regression_pb2.RegressionRequest()
    fill(request.model_spec, "examples", signature="regress")
    context = request.input.example_list_with_context
    context.context.CopyFrom(example(age=10))
    context.examples.extend([example(x=2.0), example(x=4.0, age=1)])
    response = PREDICTION.Regress(request, TIMEOUT_S)
    equal([row.value for row in response.result.regressions], [11.0, 3.0])
    status, text = rest("/v1/models/examples:regress",
                        {"signature_name": "regress", "context": {"age": 10}, "examples": [{"x": 2.0}]})
    equal((status, json.loads(text)), (200, {"results": [11.0]}))
    request.input.Clear()
    refused(lambda: PREDICTION.Regress(request, TIMEOUT_S), grpc.StatusCode.INVALID_ARGUMENT, "Input is empty")


@check
def multi_inference():
    request = inference_pb2.MultiInferenceRequest()
    for method in ("classify", "regress"):
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        fill(task.model_spec, "examples", signature=method)
    request.input.example_list.examples.append(example(x=2.0))
    results = PREDICTION.MultiInference(request, TIMEOUT_S).results
    equal(results[0].classification_result.classifications[0].classes[0].score, 2.0)
    equal(results[1].regression_result.regressions[0].value, 8.0)
    request.tasks[1].model_spec.name = "half"
    refused(lambda: PREDICTION.MultiInference(request, TIMEOUT_S), grpc.StatusCode.INVALID_ARGUMENT,
            "must access the same model name")


@check
def metadata():
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    fill(request.model_spec, "half")
    response = PREDICTION.GetModelMetadata(request, TIMEOUT_S)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    info = found.signature_def["serving_default"].inputs["x"]
    equal((info.dtype, [dim.size for dim in info.tensor_shape.dim]), (1, [-1]))
    equal(response.model_spec.version.value, 3)
    request.metadata_field[:] = ["none"]
    refused(lambda: PREDICTION.GetModelMetadata(request, TIMEOUT_S), grpc.StatusCode.INVALID_ARGUMENT,
            "Metadata field none is not supported")


def status(name, version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    fill(request.model_spec, name, version)
    answer = MODEL.GetModelStatus(request, TIMEOUT_S).model_version_status
    return [(each.version, each.state, each.status.error_code) for each in answer]


@check
def model_status():
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    equal(status("half"), [(3, available, 0), (2, available, 0)])
    equal(status("half", 2), [(2, available, 0)])
    refused(lambda: status("none"), grpc.StatusCode.NOT_FOUND, "Could not find any versions of model none")
    refused(lambda: status("half", 1), grpc.StatusCode.NOT_FOUND, "Could not find version 1 of model half")


def reload(*models):
    config = model_server_config_pb2.ModelServerConfig()
    for name, base_path in models:
        config.model_config_list.config.add(name=name, base_path=base_path, model_platform="tensorflow")
    return MODEL.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest(config=config), TIMEOUT_S)


@check
def a_large_message_both_ways():
    text = np.array([b"Q" * 20_000_000], object)
    equal(len(values(predict("words", {"text": text}, outputs=["lower_bytes"]), "lower_bytes")[0]), 20_000_000)


@check
def compression():
    prediction, _ = stubs(compression=grpc.Compression.Gzip)
    request = predict_request("half", {"x": np.float32([2] * 10_000)})
    equal(len(values(prediction.Predict(request, TIMEOUT_S), "y")), 10_000)


@check
def a_deadline():
    request = predict_request("sleepy", {"rounds": np.int32(20_000)})
    started = time.monotonic()
    refused(lambda: PREDICTION.Predict(request, 0.3), grpc.StatusCode.DEADLINE_EXCEEDED)
    assert time.monotonic() - started < 5, "the deadline came late"


@check
def reload_config():
    root = GIVEN["root"]
    kept = [(name, f"{root}/{name}") for name in ("half", "words")]
    equal(reload(*kept, ("again", f"{root}/half")).status.error_code, 0)
    equal(values(predict("again", {"x": np.float32([2])}), "y").tolist(), [4.0])
    refused(lambda: predict("keras", {}), grpc.StatusCode.NOT_FOUND, "Servable not found")
    refused(lambda: reload(*kept, kept[0]), grpc.StatusCode.INVALID_ARGUMENT, "multiple times in config list")
    refused(lambda: reload(*kept, ("broken", f"{root}/nowhere")), grpc.StatusCode.UNKNOWN, "broken")
    equal(values(predict("half", {"x": np.float32([2])}), "y").tolist(), [4.0], "others go on")


def main():
    results = []
    for function in CHECKS:
        try:
            function()
            results.append({"name": function.__name__, "ok": True, "detail": ""})
        except Exception:  # Whatever went wrong is the finding.
            results.append({"name": function.__name__, "ok": False, "detail": traceback.format_exc(limit=-3)})
    print(json.dumps(results))


main()
