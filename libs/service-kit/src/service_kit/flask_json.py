"""JSON in and out of Flask, as strict as elsewhere in service-kit."""

from typing import Never, override

import flask
from flask.json.provider import JSONProvider

from service_kit import json_text, problems
from service_kit.json_text import Json
from service_kit.problems import ProblemError


class StrictRequest(flask.Request):
    """A request whose JSON is refused with a reason."""

    @override
    def on_json_loading_failed(self, e: ValueError | None) -> Never:
        if e is None:
            raise ProblemError(problems.of_status(415, "The body must be application/json."))
        raise ProblemError(problems.invalid_json(e)) from e


class StrictJson(JSONProvider):
    """Reads and writes JSON with orjson: dates are RFC 3339 (Flask's own: HTTP dates), NaN is refused."""

    @override
    def loads(self, s: str | bytes, **_options: object) -> Json:
        return json_text.parse(s.encode(errors="surrogatepass") if isinstance(s, str) else s)

    @override
    def dumps(self, obj: object, **_options: object) -> str:
        return json_text.render(obj).decode()

    @override
    def response(self, *args: object, **kwargs: object) -> flask.Response:
        body = json_text.render(self._prepare_response_obj(args, kwargs))
        return flask.Response(body, content_type="application/json")
