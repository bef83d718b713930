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
def branches_loops_tables_and_assertions_as_tensorflow_has_them():
    for case in GIVEN["kinds"]:
        inputs = {alias: np.array(value, object if case["dtypes"][alias] == "string" else case["dtypes"][alias])
                  for alias, value in case["inputs"].items()}
        ask = lambda: predict("kinds", inputs, signature=case["signature"])
        if case["outputs"] is None:
            refused(ask, grpc.StatusCode.INVALID_ARGUMENT)
            continue
        answer = ask()
        equal(sorted(answer.outputs), sorted(case["outputs"]), case["signature"])
        for alias, expected in case["outputs"].items():
            actual = values(answer, alias)
            text = np.vectorize(lambda each: each.decode(), otypes=[object])
            equal((text(actual) if actual.dtype == object else actual).tolist(), expected, f"{case['signature']} {alias}")


@check
def what_a_graph_asserts_is_told():
    refused(lambda: predict("kinds", {"x": np.int32([-4])}, signature="assured"),
            grpc.StatusCode.INVALID_ARGUMENT, "assertion failed: [x has to be positive")


@check
def keras_with_texts_images_and_memory():
    given = GIVEN["sequences"]
    inputs = {"text": np.array(given["inputs"]["text"], object), "image": np.float32(given["inputs"]["image"])}
    answer = predict("sequences", inputs)
    np.testing.assert_allclose(values(answer, "score"), given["outputs"]["score"], atol=1e-5)
    equal(values(answer, "words").tolist(), given["outputs"]["words"])
    narrow = {**inputs, "image": np.zeros([2, 8, 8, 4], np.float32)}
    refused(lambda: predict("sequences", narrow), grpc.StatusCode.INVALID_ARGUMENT)


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
