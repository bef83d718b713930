"""Asks models by gRPC's C core with retries off until it is told to end, and then says in one line of
JSON what it saw. Arguments and input are those of test/cluster/load/main.ts."""

import json
import random
import signal
import struct
import sys
import threading
import time

import grpc

ANSWER_S_MAX = 1.0
HANGS_S = 10.0
TOLD_MAX = 50
PATH = "/tensorflow.serving.PredictionService/Predict"

settings = json.loads(sys.argv[1])
bounds = {}
lock = threading.Lock()
told = {"right": {"grpc core": 0}, "failed": 0, "failures": [], "slowestMs": 0}
ending = threading.Event()
bounded = threading.Event()


def field(number, kind, payload):
    """One field of a protobuf message that is short."""
    return bytes([number << 3 | kind]) + (bytes([len(payload)]) if kind == 2 else b"") + payload


def request_of(model, x):
    shape = field(2, 2, field(2, 2, field(1, 0, b"\x01")))
    tensor = field(1, 0, b"\x01") + shape + field(5, 2, struct.pack("<f", x))
    entry = field(1, 2, b"x") + field(2, 2, tensor)
    return field(1, 2, field(1, 2, model.encode())) + field(2, 2, entry)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """The fields of a message that are messages, texts or packed."""
    at, found = 0, {}
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 2:
            size, at = varint(data, at)
            found[key >> 3] = data[at : at + size]
            at += size
        elif key & 7 == 0:
            _, at = varint(data, at)
        else:
            raise ValueError("a field that no answer has")
    return found


def answer_of(data):
    tensor = fields(fields(fields(data)[1])[2])
    return struct.unpack("<f", tensor[5])[0]


def count(model, call):
    floor = bounds[model]["floor"]
    x = random.randrange(1000)
    start = time.monotonic()
    what = None
    try:
        version = answer_of(call(request_of(model, x), timeout=HANGS_S)) - x
        if not floor <= version <= bounds[model]["ceiling"] or version != int(version):
            what = f"version {version} answers, and not {floor} to {bounds[model]['ceiling']}"
    except grpc.RpcError as error:
        what = f"{error.code()}: {error.details()}"
    seconds = time.monotonic() - start
    if what is None and seconds > ANSWER_S_MAX:
        what = "late"
    with lock:
        told["slowestMs"] = max(told["slowestMs"], round(seconds * 1000))
        if what is None:
            told["right"]["grpc core"] += 1
            return
        told["failed"] += 1
        if len(told["failures"]) < TOLD_MAX:
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            failure = {"at": at, "kind": "grpc core", "model": model, "what": what}
            told["failures"].append(failure | {"ms": round(seconds * 1000)})


def run():
    # Channels of a process share their connections unless they differ.
    options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(settings["grpc"], options=options)
    call = channel.unary_unary(PATH)
    turn = 0
    while not ending.is_set():
        count(settings["models"][turn % len(settings["models"])], call)
        turn += 1
        time.sleep(settings["pauseMs"] / 1000)


def listen():
    for line in sys.stdin:
        said = json.loads(line)
        bounds[said.pop("model")] = said
        if len(bounds) == len(settings["models"]):
            bounded.set()


signal.signal(signal.SIGTERM, lambda *_: ending.set())
threading.Thread(target=listen, daemon=True).start()
while not bounded.wait(0.1):
    pass
threads = [threading.Thread(target=run) for _ in range(settings["channels"])]
for thread in threads:
    thread.start()
while not ending.wait(0.2):
    pass
for thread in threads:
    thread.join()
print(json.dumps(told), flush=True)
