"""S3 as moto's server has it, in a process of its own, with the faults that a real one shows now and then."""

import json
import signal
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import httpx

from kata.servers.embedded import EmbeddedServer
from kata.system.ports import HOST

FAULTS: Final = "/_faults"
KEY: Final = "AKIAIOSFODNN7EXAMPLE"  # AWS's own, of its documentation; moto takes any
_TIMEOUT_SECONDS = 10.0
_AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={KEY}/20260101/us-east-1/s3/aws4_request"
_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class EmbeddedS3(EmbeddedServer):
    """An S3 in memory on 127.0.0.1, which the verifier reads and writes with a signature that is none."""

    label = "the embedded S3"
    stop_signal = signal.SIGTERM

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        super().__init__(data_dir, port)
        self._client = httpx.Client(
            base_url=f"http://{HOST}:{self.port}",
            headers={"Authorization": _AUTHORIZATION},
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
        )

    def make_bucket(self, name: str) -> None:
        self._ask("PUT", f"/{name}")

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys of the first thousand objects below a prefix."""
        query = urlencode({"list-type": 2, "prefix": prefix})
        found = ET.fromstring(self._ask("GET", f"/{bucket}?{query}"))  # noqa: S314 - of our own server
        return [key.text or "" for key in found.iter(f"{_NAMESPACE}Key")]

    def read(self, bucket: str, key: str) -> bytes:
        return self._ask("GET", _path(bucket, key))

    def write(self, bucket: str, key: str, content: bytes) -> None:
        self._ask("PUT", _path(bucket, key), content)

    def delete(self, bucket: str, key: str) -> None:
        self._ask("DELETE", _path(bucket, key))

    def refuse_writes(self, count: int) -> None:
        """Answer the next writes with 503 SlowDown."""
        self._ask("PUT", FAULTS, json.dumps({"refuse": count}).encode())

    def spoil(self, suffix: str) -> None:
        """Change a byte of each object whose key ends so, as soon as it is stored."""
        self._ask("PUT", FAULTS, json.dumps({"spoil": suffix}).encode())

    def refused(self) -> int:
        """Return how many writes were refused."""
        return int(self._ask("GET", FAULTS))

    def kill(self) -> None:
        self._client.close()
        super().kill()

    def _ask(self, method: str, path: str, content: bytes = b"") -> bytes:
        answer = self._client.request(method, path, content=content)
        answer.raise_for_status()
        return answer.content

    def _argv(self) -> Sequence[str]:
        return [sys.executable, "-m", "kata.servers.s3_process", str(self.port)]

    def _answers(self) -> bool:
        try:
            return self._client.get(FAULTS).is_success
        except httpx.TransportError:
            return False


def _path(bucket: str, key: str) -> str:
    return f"/{bucket}/{quote(key)}"
