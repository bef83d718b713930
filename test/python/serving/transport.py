"""Large messages, compression, deadlines, and many callers at once."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np

from .common import PREDICTION, TIMEOUT_S, check, equal, predict, predict_request, refused, rest, stubs, values


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
def a_hundred_megabytes_of_numbers():
    rows = np.arange(25_000_000, dtype=np.float32)
    np.testing.assert_array_equal(values(predict("half", {"x": rows}, version=2), "y"), rows * 0.5 + 2)


@check
def large_rows_over_rest():
    rows = [[number / 8] for number in range(200_000)]
    status, text = rest("/v1/models/matrix:predict", {"instances": rows})
    equal(status, 200, text[:200])
    equal(json.loads(text)["predictions"], [[2 * number] for [number] in rows])


CALLERS = 50
CALLS = 20


def ask_as(caller):
    """One caller's calls: each with numbers of its own, by turns over gRPC and REST."""
    for call in range(CALLS):
        number = float(caller * CALLS + call)
        answer = values(predict("half", {"x": np.float32([number, -number])}), "y").tolist()
        equal(answer, [0.5 * number + 3, -0.5 * number + 3])
        status, text = rest("/v1/models/half/versions/2:predict", {"instances": [number]})
        equal((status, json.loads(text)), (200, {"predictions": [0.5 * number + 2]}))
        word = "late" if call % 2 else "early"
        answer = predict("words", {"text": np.array([word.encode()] * (1 + caller), object)})
        equal(values(answer, "word").tolist(), [1 if call % 2 else 2] * (1 + caller))


@check
def fifty_callers_at_once():
    with ThreadPoolExecutor(CALLERS) as pool:
        for done in [pool.submit(ask_as, caller) for caller in range(CALLERS)]:
            done.result()


@check
def fifty_channels_at_once():
    def ask(number):
        prediction, _ = stubs(compression=grpc.Compression.Gzip if number % 2 else None)
        request = predict_request("half", {"x": np.float32([number])})
        equal(values(prediction.Predict(request, TIMEOUT_S), "y").tolist(), [0.5 * number + 3])
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(ask, range(CALLERS)))
