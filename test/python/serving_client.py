"""TensorFlow Serving's own Python client against a running server.

Reads {"grpc": address, "rest": url, "tagged": address of a server with other tags, "root": folder of
the models, and what serving_models.py expects} on standard input; prints a JSON list of
{"name", "ok", "detail"}, one for each check.
"""

import json
import traceback

# In this order: the last one takes models away.
from serving import predict, models, inference, rest, transport, service  # noqa: F401
from serving.common import CHECKS


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
