"""What all checks of the client share: the server's addresses, its stubs, and how to compare."""

import json
import sys
import urllib.error
import urllib.request

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import wrappers_pb2
from tensorflow_serving.apis import (
    model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc,
)

GIVEN = json.load(sys.stdin)
TIMEOUT_S = 30
CHECKS = []


def check(function):
    """Registers a check: a function that raises where the server is wrong."""
    CHECKS.append(function)
    return function


def stubs(address=GIVEN["grpc"], **options):
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    channel = grpc.insecure_channel(address, options=unlimited, **options)
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


def rest(path, body=None, headers=None):
    """Status and text of a GET, or of a POST of this value or these bytes."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(GIVEN["rest"] + path, data, headers or {})
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
