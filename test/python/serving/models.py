"""Models of other kinds: TF 1 graphs, tags, defaults, and Keras with its own preprocessing."""

import grpc
import numpy as np

from .common import GIVEN, TIMEOUT_S, check, equal, predict, predict_request, refused, rest, stubs, values


@check
def a_tf1_graph_with_variables():
    x = np.float32([[1, 2], [3, 4]])
    equal(values(predict("tf1", {"x": x}), "y").tolist(), [[8.0, 11.0], [16.0, 23.0]])


@check
def a_signature_with_defaults():
    x = np.float32([1, 2])
    equal(values(predict("defaults", {"x": x}), "y").tolist(), [11.0, 12.0])
    equal(values(predict("defaults", {"x": x, "plus": np.float32(1)}), "y").tolist(), [2.0, 3.0])
    refused(lambda: predict("defaults", {"plus": np.float32(1)}), grpc.StatusCode.INVALID_ARGUMENT)
    equal(rest("/v1/models/defaults:predict", {"inputs": {"x": [1], "plus": 2}})[0], 200)


@check
def the_graph_of_the_tags():
    x = {"x": np.float32([1])}
    equal(values(predict("tags", x), "y").tolist(), [2.0])
    prediction, _ = stubs(GIVEN["tagged"])
    answer = prediction.Predict(predict_request("tags", x), TIMEOUT_S)
    equal(values(answer, "y").tolist(), [101.0])


@check
def keras_with_text_inputs():
    given = GIVEN["texts"]
    inputs = {name: np.array(column, object if name == "colour" else np.float32)
              for name, column in given["inputs"].items()}
    answer = values(predict("texts", inputs), given["output"])
    np.testing.assert_allclose(answer, given["y"], atol=1e-5)


@check
def state_that_a_model_keeps():
    ask = lambda signature, **inputs: float(values(predict("counter", inputs, signature=signature), "count"))
    equal(ask("reset"), 0.0)
    equal([ask("increase", by=np.float32(2)) for _ in range(3)], [2.0, 4.0, 6.0])
    equal(ask("get"), 6.0)


@check
def what_the_runtime_refuses():
    refused(lambda: predict("matrix", {"x": np.zeros([2, 3], np.float32)}), grpc.StatusCode.INVALID_ARGUMENT)
    equal(values(predict("matrix", {"x": np.zeros([0, 1], np.float32)}), "y").shape, (0, 1))
    equal(values(predict("matrix", {"x": np.float32([[3]])}), "y").tolist(), [[6.0]])
