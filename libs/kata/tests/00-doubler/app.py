"""Doubles numbers, and keeps the last result for a while. It needs nothing but Python."""
# ruff: noqa: T201 - its log goes to stdout

import json
import os
import re
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")
LARGEST_BODY_BYTES = 1_048_576
PATHS = ["/api/v1/double/{number}", "/api/v1/last"]


class ProblemError(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


def setting(name: str, smallest: int) -> int:
    text = os.environ.get(name, "")
    if not text.isdigit() or int(text) < smallest:
        print(f"{name} must be a whole number from {smallest}, and is {text!r}")
        sys.exit(1)
    return int(text)


class Doubler:
    def __init__(self, largest: int, keep_seconds: float) -> None:
        self.largest = largest
        self.keep_seconds = keep_seconds
        self.last: dict[str, int] = {}
        self.forgotten_at = 0.0
        self.requests = 0
        self.lock = threading.Lock()

    def double(self, text: str) -> dict[str, int]:
        if not re.fullmatch(r"-?\d{1,9}", text):
            raise ProblemError(404)
        number = int(text)
        if number > self.largest:
            raise ProblemError(422)
        result = {"number": number, "double": number * 2}
        self.last, self.forgotten_at = result, time.monotonic() + self.keep_seconds
        return result

    def remembered(self) -> dict[str, int]:
        if time.monotonic() >= self.forgotten_at:
            raise ProblemError(404)
        return self.last


class Handler(BaseHTTPRequestHandler):
    doubler: Doubler
    request_id = ""
    timeout = 3.0  # for each read: who asks nothing holds up no stop

    def do_GET(self) -> None:
        self.begin()
        if self.refused():
            return
        try:
            answer = self.answer()
        except ProblemError as error:
            self.problem(error.status)
        else:
            self.reply(answer)

    def answer(self) -> object:
        match self.path.split("/"):
            case ["", "health" | "ready"]:
                return {"status": "ok"}
            case ["", "api", "v1", "double", number]:
                return self.doubler.double(number)
            case ["", "api", "v1", "last"]:
                return self.doubler.remembered()
            case ["", "metrics"]:
                return self.metrics()
            case ["", "openapi.json"]:
                return {"openapi": "3.1.0", "paths": {path: {} for path in PATHS}}
            case ["", "docs"]:
                return "<!doctype html><title>Doubler</title><p>GET /api/v1/double/21"
        raise ProblemError(404)

    def do_POST(self) -> None:
        self.begin()
        if not self.refused():
            self.problem(404)

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST  # noqa: N815 - http.server's names

    do_HEAD = do_GET  # noqa: N815 - as above

    def refused(self) -> bool:
        """Read the body, and answer a request that is not HTTP or has too much of it."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or "Host" not in self.headers:
            self.problem(400)
        elif int(length) > LARGEST_BODY_BYTES:
            self.problem(413)
        else:
            self.rfile.read(int(length))
            return False
        return True

    def begin(self) -> None:
        offered = self.headers.get("X-Request-ID", "")
        self.request_id = offered if WELL_FORMED.fullmatch(offered) else str(uuid4())
        if self.path != "/metrics":
            with self.doubler.lock:
                self.doubler.requests += 1

    def metrics(self) -> str:
        return f"# TYPE http_requests_total counter\nhttp_requests_total {self.doubler.requests}\n"

    def reply(self, answer: object) -> None:
        if isinstance(answer, str):
            kind = "text/html" if answer.startswith("<!doctype") else "text/plain"
            self.send(200, kind, answer)
        else:
            self.send(200, "application/json", json.dumps(answer))

    def problem(self, status: int) -> None:
        title = HTTPStatus(status).phrase
        document = {
            "type": "about:blank",
            "title": title,
            "status": status,
            "code": title.lower().replace(" ", "_"),
            "request_id": self.request_id,
        }
        self.send(status, "application/problem+json", json.dumps(document))

    def send(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Request-ID", self.request_id)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'")
        self.end_headers()
        now = datetime.now(UTC).isoformat()
        self.log({"timestamp": now, "event": "request", "request_id": self.request_id, "status": status})
        if self.command != "HEAD":
            self.wfile.write(text.encode())

    def log(self, line: dict[str, object]) -> None:
        print(json.dumps(line), flush=True)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server could not read as a request."""
        del message, explain
        self.request_version, self.request_id = "HTTP/1.1", str(uuid4())
        self.problem(code)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """The log is `log`, and JSON."""


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # with the usual 5, a burst waits a second for its connections
    daemon_threads = False  # whoever closes it waits for them


def main() -> None:
    Handler.doubler = Doubler(setting("LARGEST", 1), setting("KEEP_MILLISECONDS", 1) / 1000)
    server = Server(("127.0.0.1", setting("PORT", 1)), Handler)
    stopping = threading.Thread(target=server.shutdown)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stopping.start())
    print('{"event": "started"}', flush=True)
    server.serve_forever()
    server.server_close()


main()
