"""A process that serves a GGUF model on this machine, for :mod:`modelwright.llms.local`.

It ends when whoever started it does: its standard input is closed then. The key comes by standard input, too, since
arguments and environments of processes can be seen by others.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    """Read what to serve from standard input, serve it, and say where on standard output."""
    wish = json.loads(sys.stdin.readline())
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = wish["path"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [wish["key"]]
    params.n_ctx = wish["context"]
    params.n_parallel = 1  # several would share the context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wish["threads"]
    params.warmup = False
    params.fit_params = False
    params.verbosity = -1
    params.ui = False
    params.endpoint_slots = False
    server = xllamacpp.Server(params)
    print(json.dumps({"address": server.listening_address}), flush=True)
    sys.stdin.read()
    os._exit(0)  # a reply may still be in the making, and nobody waits for it


if __name__ == "__main__":
    main()
