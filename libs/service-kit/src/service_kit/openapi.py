"""What each OpenAPI document says besides what its framework generates: problems, and operational routes."""

from collections.abc import Mapping

from service_kit import metrics, problems
from service_kit.json_text import Json, as_mapping

PROBLEM: Json = {
    "description": "Problem details",
    "content": {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
FRAMEWORKS_OWN = frozenset({"HTTPValidationError", "ValidationError"})
READINESS: Json = {
    "type": "object",
    "required": ["status", "checks"],
    "properties": {
        "status": {"enum": ["ready", "unavailable"]},
        "checks": {
            "type": "object",
            "description": "By the dependency's name.",
            "additionalProperties": {"enum": ["ok", "unavailable", "timeout"]},
        },
    },
}


def completed(document: Mapping[str, Json]) -> dict[str, Json]:
    """Add the operational routes, and to each operation that any error is a problem.

    What a framework announces of its own errors goes: a `422` or `400` whose content is no problem, and
    no model of the service's either.
    """
    own = {path: _with_problems(item) for path, item in as_mapping(document.get("paths")).items()}
    components = as_mapping(document.get("components"))
    schemas = {
        name: schema
        for name, schema in as_mapping(components.get("schemas")).items()
        if name not in FRAMEWORKS_OWN
    }
    return {
        **document,
        "openapi": document.get("openapi", "3.1.0"),
        "paths": {**own, **operational()},
        "components": {
            **components,
            "schemas": {**schemas, "Problem": problems.SCHEMA, "Readiness": READINESS},
        },
    }


def operational() -> dict[str, Json]:
    """Describe the routes of `operations.py`."""
    alive: Json = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}
    readiness: Json = {"$ref": "#/components/schemas/Readiness"}
    json, text = "application/json", metrics.CONTENT_TYPE.partition(";")[0]
    return {
        "/health": _get("health", "Is the process alive", {"200": ("It is", json, alive)}),
        "/ready": _get(
            "ready",
            "Do the dependencies answer",
            {"200": ("All of them", json, readiness), "503": ("Not all of them", json, readiness)},
        ),
        "/metrics": _get("metrics", "Numbers for Prometheus", {"200": ("Numbers", text, {"type": "string"})}),
        "/openapi.json": _get("openapi", "This document", {"200": ("OpenAPI", json, {"type": "object"})}),
        "/docs": _get("docs", "The same for people", {"200": ("A page", "text/html", {"type": "string"})}),
    }


def _get(name: str, summary: str, answers: Mapping[str, tuple[str, str, Json]]) -> Json:
    responses: dict[str, Json] = {
        status: {"description": description, "content": {media_type: {"schema": schema}}}
        for status, (description, media_type, schema) in answers.items()
    }
    responses["default"] = PROBLEM
    return {"get": {"operationId": name, "summary": summary, "tags": ["operation"], "responses": responses}}


def _with_problems(item: Json) -> Json:
    return {name: _with_default(operation) for name, operation in as_mapping(item).items()}


def is_problem(answer: Json) -> bool:
    """Say whether a response is announced to be a problem."""
    return problems.CONTENT_TYPE in as_mapping(as_mapping(answer).get("content"))


def _is_told_by_the_service(answer: Json) -> bool:
    """Say whether a response has a model of the service's own: one that another protocol wants."""
    content = as_mapping(as_mapping(answer).get("content"))
    references = [as_mapping(as_mapping(kind).get("schema")).get("$ref") for kind in content.values()]
    names = {str(reference).rpartition("/")[2] for reference in references if reference is not None}
    return bool(names - FRAMEWORKS_OWN)


def _with_default(operation: Json) -> Json:
    if not isinstance(operation, Mapping):
        return operation  # parameters shared by a path's operations
    responses = {
        status: answer
        for status, answer in as_mapping(operation.get("responses")).items()
        if status not in {"400", "422"} or is_problem(answer) or _is_told_by_the_service(answer)
    }
    described = {**operation, "responses": {**responses, "default": PROBLEM}}
    parameters = operation.get("parameters")
    if isinstance(parameters, list | tuple):
        described["parameters"] = [_without_null(parameter) for parameter in parameters]
    return described


def _without_null(parameter: Json) -> Json:
    """Leave out what a framework says of one that may be missing: that it may be null, which no text is."""
    schema = as_mapping(as_mapping(parameter).get("schema"))
    kinds = schema.get("anyOf")
    if not isinstance(kinds, list | tuple):
        return parameter
    others = [kind for kind in kinds if as_mapping(kind).get("type") != "null"]
    inner = {name: value for name, value in schema.items() if name != "anyOf"}
    narrowed = {**inner, **as_mapping(others[0])} if len(others) == 1 else {**inner, "anyOf": others}
    return {**as_mapping(parameter), "schema": narrowed}
