"""The process of `s3.EmbeddedS3`: moto's server behind faults that the verifier asks for."""

import json
import logging
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.serving import run_simple
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from kata.system.ports import HOST

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_FAULTS: Final = "/_faults"
_WRITES: Final = {"PUT", "POST"}
_OK: Final = 200
_SLOW_DOWN: Final = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Faulty:
    """Lets requests through to an S3, but for those that are to fail."""

    def __init__(self) -> None:
        self._s3 = create_backend_app("s3")
        self._client = Client(self._s3)
        self._to_refuse = self._refused = 0
        self._suffix: str | None = None

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        if request.path == _FAULTS:
            if request.method == "PUT":
                wanted = json.loads(request.get_data())
                self._to_refuse, self._suffix = wanted.get("refuse", 0), wanted.get("spoil")
            return Response(str(self._refused))(environ, start_response)
        if request.method in _WRITES and self._to_refuse > 0:
            self._to_refuse -= 1
            self._refused += 1
            request.get_data()  # else the client could not send the rest of it
            refusal = Response(_SLOW_DOWN, 503, content_type="application/xml")
            return refusal(environ, start_response)
        answer = self._s3(environ, start_response)
        if self._suffix and request.method in _WRITES and request.path.endswith(self._suffix):
            self._spoil(request)
        return answer

    def _spoil(self, request: Request) -> None:
        same = {name: request.headers[name] for name in ("Host", "Authorization")}
        stored = self._client.get(request.path, headers=same)
        if stored.status_code == _OK and stored.data:
            self._client.put(request.path, headers=same, data=stored.data[:-1] + bytes([stored.data[-1] ^ 1]))


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple(HOST, int(sys.argv[1]), Faulty(), threaded=True)
