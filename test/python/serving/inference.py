"""Classify, Regress and MultiInference."""

import json

import grpc
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from .common import PREDICTION, TIMEOUT_S, check, equal, example, fill, refused, rest


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
