"""OpenAPI for Flask: what a view takes and gives is read from its signature, as FastAPI and Litestar do.

    @api.post("/items/<int:shelf>")
    @described(status=201, problems={409: Refusal("The name is taken.")})
    def create(shelf: int, body: NewItem) -> Item:
        '''Put an item on a shelf.'''

`body` and `query` are read from the request into their models, and a model that is returned is rendered.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from inspect import getdoc
from typing import NamedTuple, Protocol, get_type_hints

import flask
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaMode
from werkzeug.routing import Rule

from service_kit import json_text, problems
from service_kit.json_text import Json, as_mapping
from service_kit.negotiation import ANY_QUERY
from service_kit.openapi import PROBLEM
from service_kit.problems import FieldError, ProblemError
from service_kit.routing import Route, template

REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = "service_kit.description"
ARGUMENT = re.compile(r"<(?:([^<>:(]+)(?:\([^<>]*\))?:)?(\w+)>")
SEGMENT: Json = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
CONVERTERS: Mapping[str, Json] = {
    "int": {"type": "integer", "minimum": 0},
    "float": {"type": "number", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
    "path": {"type": "string", "minLength": 1},
}

NO_MODELS = (type(None), flask.Response)

type Headers = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Info:
    """What the document says of the service as a whole."""

    title: str
    version: str = "1"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem that a view is known for, with the headers that come along."""

    description: str
    headers: Headers = field(default_factory=dict)


class Description(NamedTuple):
    """A view's signature, and what that does not say."""

    summary: str
    description: str
    types: Mapping[str, TypeAdapter[object]]
    status: int
    answer: str
    headers: Headers
    refusals: Mapping[int, Refusal]
    request_headers: Mapping[str, str]
    any_query: bool
    others: Mapping[int, str]
    media_type: str | None


class Decorator(Protocol):
    """Makes a view that Flask can call from one that takes and gives models."""

    def __call__[**P](self, view: Callable[P, object], /) -> Callable[P, flask.Response]:
        """Decorate."""
        ...


def described(
    *,
    status: int = 200,
    answer: str = "The answer.",
    headers: Headers | None = None,
    refusals: Mapping[int, Refusal] | None = None,
    request_headers: Mapping[str, str] | None = None,
    any_query: bool = False,
    others: Mapping[int, str] | None = None,
    media_type: str | None = None,
) -> Decorator:
    """Put a view into the document. Its docstring's first line is the summary, the rest the description.

    `others`: further statuses that are no problems, and what they mean; they have no model.
    `media_type`: what a view gives that returns a response, and no model.
    `any_query`: the query is somebody else's business, as where a proxy passes on what a client has sent.
    """

    def decorate[**P](view: Callable[P, object]) -> Callable[P, flask.Response]:
        hints = get_type_hints(view, include_extras=True)
        body, query = _model(hints.get("body")), _model(hints.get("query"))
        summary, _, text = (getdoc(view) or "").partition("\n")

        @wraps(view)
        def answered(*args: P.args, **kwargs: P.kwargs) -> flask.Response:
            if query is not None:
                kwargs["query"] = read_query(query)
            if body is not None:
                kwargs["body"] = read_body(body)
            return _response(view(*args, **kwargs), status)

        vars(answered)[DESCRIPTION] = Description(
            summary.rstrip("."),
            text.strip(),
            {name: TypeAdapter(hint) for name, hint in hints.items() if hint not in NO_MODELS},
            status,
            answer,
            headers or {},
            refusals or {},
            request_headers or {},
            any_query,
            others or {},
            media_type,
        )
        return answered

    return decorate


def read_body[M: BaseModel](model: type[M]) -> M:
    """Read the current request's JSON into a model.

    Raises: ProblemError, of 400 for what is no JSON and of 422 for what the model refuses.
    """
    text = flask.request.get_data()
    if not text:
        raise ProblemError(problems.MISSING_BODY)
    try:
        return model.model_validate(json_text.parse(text))
    except json_text.InvalidJsonError as error:
        raise ProblemError(problems.invalid_json(error)) from error
    except ValidationError as error:
        raise ProblemError(problems.invalid_body(error)) from error


def read_query[M: BaseModel](model: type[M]) -> M:
    """Read the current request's query into a model.

    Raises: ProblemError, of 422 with the names of the parameters.
    """
    try:
        return model.model_validate(flask.request.args.to_dict())
    except ValidationError as error:
        errors = [
            FieldError(detail["type"], problems.message(detail), parameter=".".join(map(str, detail["loc"])))
            for detail in error.errors(include_url=False)
        ]
        raise ProblemError(problems.invalid_input(errors, len(errors))) from error


def _response(result: object, status: int) -> flask.Response:
    if isinstance(result, flask.Response):
        return result
    if result is None:
        response = flask.Response(status=status)
        del response.headers["Content-Type"]
        return response
    text = result.model_dump_json().encode() if isinstance(result, BaseModel) else json_text.render(result)
    return flask.Response(text, status, content_type="application/json")


def routes(app: flask.Flask) -> Iterator[Route]:
    """List the rules as the table of routes wants them. Flask's own OPTIONS are left to the table."""
    for rule in app.url_map.iter_rules():
        methods = set(rule.methods or ())
        if getattr(rule, "provide_automatic_options", False):
            methods.discard("OPTIONS")
        yield Route(ARGUMENT.sub(_argument, rule.rule), frozenset(methods))


def _argument(match: re.Match[str]) -> str:
    return f"{{{match[2]}:path}}" if match[1] == "path" else f"{{{match[2]}}}"


def document(app: flask.Flask, info: Info) -> dict[str, Json]:
    """Make the OpenAPI document of all views that are described."""
    views = [
        (rule, description)
        for rule in app.url_map.iter_rules()
        if isinstance(description := vars(app.view_functions[rule.endpoint]).get(DESCRIPTION), Description)
    ]
    inputs = [entry for rule, description in views for entry in _adapters(rule, description)]
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE)
    components: dict[str, Json] = dict(definitions.get("$defs", {}))
    of_view = {(str(endpoint), str(name)): schema for ((endpoint, name), _), schema in schemas.items()}
    paths: dict[str, Json] = {}
    for rule, description in views:
        path = template(ARGUMENT.sub(_argument, rule.rule))
        own = {name: schema for (endpoint, name), schema in of_view.items() if endpoint == rule.endpoint}
        operation = _operation(rule, description, own, components)
        methods = sorted(set(rule.methods or ()) - {"HEAD", "OPTIONS"})
        paths[path] = {**as_mapping(paths.get(path)), **{method.lower(): operation for method in methods}}
    about: dict[str, Json] = {"title": info.title, "version": info.version, "description": info.description}
    return {"openapi": "3.1.0", "info": about, "paths": paths, "components": {"schemas": components}}


type Input = tuple[tuple[str, str], JsonSchemaMode, TypeAdapter[object]]


def _adapters(rule: Rule, description: Description) -> Iterator[Input]:
    for name, adapter in description.types.items():
        yield (rule.endpoint, name), "serialization" if name == "return" else "validation", adapter


def _operation(
    rule: Rule, description: Description, schemas: Mapping[str, Json], components: dict[str, Json]
) -> Json:
    answer: dict[str, Json] = {"description": description.answer, "headers": dict(description.headers)}
    if "return" in schemas:
        answer["content"] = {"application/json": {"schema": schemas["return"]}}
    elif description.media_type is not None:
        answer["content"] = {description.media_type: {"schema": {"type": "string"}}}
    refusals = {
        str(status): {
            **as_mapping(PROBLEM),
            "description": refusal.description,
            "headers": dict(refusal.headers),
        }
        for status, refusal in description.refusals.items()
    }
    others: dict[str, Json] = {
        str(status): {"description": text} for status, text in description.others.items()
    }
    operation: dict[str, Json] = {
        "operationId": rule.endpoint.rpartition(".")[2],
        "summary": description.summary,
        "parameters": list(_parameters(rule, description, schemas, components)),
        "responses": {str(description.status): answer, **others, **refusals},
    }
    if description.description:
        operation["description"] = description.description
    if "body" in schemas:
        content = {"application/json": {"schema": schemas["body"]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(
    rule: Rule, description: Description, schemas: Mapping[str, Json], components: Mapping[str, Json]
) -> Iterator[Json]:
    for kind, name in ARGUMENT.findall(rule.rule):
        schema: Json = {**as_mapping(CONVERTERS.get(kind, SEGMENT)), **as_mapping(schemas.get(name))}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    model = str(as_mapping(schemas.get("query")).get("$ref", "")).rpartition("/")[2]
    query = as_mapping(components.get(model))
    required = query.get("required")
    for name, field_schema in as_mapping(query.get("properties")).items():
        is_required = isinstance(required, list) and name in required
        yield {"name": name, "in": "query", "required": is_required, "schema": field_schema}
    if description.any_query:
        yield ANY_QUERY
    for name, text in description.request_headers.items():
        yield {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}


def _model(hint: object) -> type[BaseModel] | None:
    return hint if isinstance(hint, type) and issubclass(hint, BaseModel) else None
