"""Metadata, status and reload."""

import grpc
import numpy as np
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_management_pb2
from tensorflow_serving.config import model_server_config_pb2

from .common import GIVEN, MODEL, PREDICTION, TIMEOUT_S, check, equal, fill, predict, refused, values


@check
def metadata():
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    fill(request.model_spec, "half")
    response = PREDICTION.GetModelMetadata(request, TIMEOUT_S)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    info = found.signature_def["serving_default"].inputs["x"]
    equal((info.dtype, [dim.size for dim in info.tensor_shape.dim]), (1, [-1]))
    # What every export of TensorFlow 2 has besides, and nobody can call.
    init = found.signature_def["__saved_model_init_op"]
    info = init.outputs["__saved_model_init_op"]
    equal((len(init.inputs), info.name, info.dtype, info.tensor_shape.unknown_rank), (0, "NoOp", 0, True))
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
def reload_config():
    root = GIVEN["root"]
    kept = [(name, f"{root}/{name}") for name in ("half", "words")]
    equal(reload(*kept, ("again", f"{root}/half")).status.error_code, 0)
    equal(values(predict("again", {"x": np.float32([2])}), "y").tolist(), [4.0])
    refused(lambda: predict("keras", {}), grpc.StatusCode.NOT_FOUND, "Servable not found")
    refused(lambda: reload(*kept, kept[0]), grpc.StatusCode.INVALID_ARGUMENT, "multiple times in config list")
    refused(lambda: reload(*kept, ("broken", f"{root}/nowhere")), grpc.StatusCode.UNKNOWN, "broken")
    equal(values(predict("half", {"x": np.float32([2])}), "y").tolist(), [4.0], "others go on")
