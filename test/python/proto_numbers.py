"""The names and numbers of messages and enums that TensorFlow itself has, by name."""

import json
import sys

from google.protobuf import any_pb2, descriptor_pool, wrappers_pb2  # noqa: F401
from tensorflow.core.protobuf import (  # noqa: F401
    fingerprint_pb2,
    saved_model_pb2,
    tensor_bundle_pb2,
    trackable_object_graph_pb2,
)

POOL = descriptor_pool.Default()


def package_of(name):
    return "google.protobuf" if name in ("Any", "BoolValue") else "tensorflow"


def full(name):
    return f"{package_of(name)}.{name.replace('_', '.')}"


def fields(name):
    message = POOL.FindMessageTypeByName(full(name))
    return {field.name: field.number for field in message.fields}


def values(name):
    return {value.name: value.number for value in POOL.FindEnumTypeByName(full(name)).values}


asked = json.load(sys.stdin)
print(
    json.dumps(
        {
            "FIELDS": {name: fields(name) for name in asked["FIELDS"]},
            "VALUES": {name: values(name) for name in asked["VALUES"]},
        }
    )
)
