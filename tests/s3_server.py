"""An S3-compatible server on this machine: real requests, real conditional writes, objects as files."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from s3fs import S3FileSystem

BUCKET = "bucket"


@contextmanager
def serving(folder: Path) -> Iterator[dict[str, str]]:
    """Start a server with an empty bucket; yields the environment that leads clients to it."""
    (folder / BUCKET).mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "localbucket", str(folder), "--port", str(port)], stdout=log, stderr=log
        )
    try:
        while True:
            assert server.poll() is None, "the server ended"
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        S3FileSystem.clear_instance_cache()  # of clients of another server
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "verysecretindeed",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        server.kill()
        server.wait()


def told(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a client."""
    return os.environ | environment
