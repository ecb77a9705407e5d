"""Settings come from the environment only, are checked once at start, and never change."""

import os
import re
import sys
from collections.abc import Mapping
from typing import Annotated, Final, Literal, override

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from service_kit.json_text import Json, as_mapping
from service_kit.problems import message

# Exit codes of sysexits.h.
EX_CONFIG = 78
EX_SOFTWARE = 70
LONGEST_ECHO = 60

NOUNS = {"integer": "an integer", "number": "a number", "boolean": "true or false"}

LogLevel = Literal["debug", "info", "warning", "error"]
B64TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def check_bearer_token(token: SecretStr) -> SecretStr:
    if not B64TOKEN.fullmatch(token.get_secret_value()):
        raise ValueError("it has other characters than letters, digits and -._~+/, and = at its end")
    return token


BearerToken = Annotated[SecretStr, Field(min_length=16, max_length=256), AfterValidator(check_bearer_token)]
"""A token that an Authorization header can carry: any other could never be sent. Source: RFC 6750, 2.1."""


class ServiceSettings(BaseSettings):
    """The variables that every service reads; a service adds its own in a subclass."""

    model_config = SettingsConfigDict(frozen=True)

    port: Annotated[int, Field(ge=1, le=65535, description="Where to listen")]
    # Only this machine, unless told otherwise: the container image sets 0.0.0.0. Not HOST, which shells and
    # build tools export for themselves.
    listen_address: Annotated[
        str, Field(min_length=1, description="The address to listen on; 0.0.0.0 for all, as in a container")
    ] = "127.0.0.1"
    log_level: Annotated[
        LogLevel,
        BeforeValidator(str.lower),
        Field(description="What is logged; from warning up there is no line for each request"),
    ] = "info"
    body_limit_bytes: Annotated[
        int, Field(ge=0, le=2**40, description="The largest body of a request; a larger one gets 413")
    ] = 1024 * 1024
    web_concurrency: Annotated[int, Field(ge=1, le=64, description="Worker processes")] = 1
    # Flask on two cores, one worker, 16 connections: 18-20k requests/s with 1 to 8 threads, 11k with 16.
    web_threads: Annotated[
        int, Field(ge=1, le=64, description="Requests that a worker handles at once, under WSGI")
    ] = 4
    readiness_timeout_seconds: Annotated[
        float, Field(gt=0, le=30, description="How long /ready waits, for all its checks together")
    ] = 1.0
    # Below the 10 s that a supervisor waits between SIGTERM and SIGKILL.
    shutdown_timeout_seconds: Annotated[
        int,
        Field(ge=1, le=60, description="How long requests may go on after a stop before they are cut off"),
    ] = 8


def load[S: BaseSettings](settings_class: type[S]) -> S:
    """Read the environment, or explain every bad variable on stderr and exit with EX_CONFIG.

    What libpq would read from there (PGHOSTADDR, PGOPTIONS, ...) is dropped: DATABASE_URL says it all but
    for the password, which may be in PGPASSWORD as it is, without escapes.
    """
    for name in [name for name in os.environ if name.startswith("PG") and name != "PGPASSWORD"]:
        del os.environ[name]
    try:
        return settings_class()
    except ValidationError as error:
        lines = explain(error, settings_class)
    except SettingsError as error:
        # Only lists and mappings get here. Its message names the field and not the value.
        lines = [f"settings: {error}: it must be valid JSON"]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    raise SystemExit(EX_CONFIG)


def explain(error: ValidationError, settings_class: type[BaseSettings]) -> list[str]:
    """Return a line for each bad variable: its name, what it must be, and what it is unless it is secret."""
    schema: dict[str, Json] = settings_class.model_json_schema(schema_generator=QuietSchema)
    lines: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        field = str(detail["loc"][0]) if detail["loc"] else ""
        # A union reports once for each of its members: the first is enough.
        lines.setdefault(field, _line(detail, field, settings_class, schema))
    return list(lines.values())


def _line(
    detail: ErrorDetails, field: str, settings_class: type[BaseSettings], schema: dict[str, Json]
) -> str:
    if not field:
        return f"settings: {message(detail)}"
    name = variable(field, settings_class)
    subschema = inline(as_mapping(schema["properties"]).get(field), as_mapping(schema.get("$defs")))
    wanted = describe(subschema)
    if detail["type"] == "missing" and len(detail["loc"]) == 1:
        return f"settings: {name} must be set" + (f", to {wanted}" if wanted else "")
    if detail["type"] in {"value_error", "assertion_error"}:
        return f"settings: {name}: {message(detail)}"
    was = "" if is_secret(subschema) else echo(detail["input"])
    if not wanted:
        return f"settings: {name}: {message(detail)}{was}"
    return f"settings: {name} must be {wanted}{was}"


def variable(field: str, settings_class: type[BaseSettings]) -> str:
    """Name the variable of a field, or of its alias, which takes no prefix."""
    prefix = settings_class.model_config.get("env_prefix", "") if field in settings_class.model_fields else ""
    return f"{prefix}{field}".upper()


class QuietSchema(GenerateJsonSchema):
    """A schema is only read here: that some default is no JSON does not matter."""

    @override
    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        pass


def inline(schema: Json, definitions: Mapping[str, Json]) -> Json:
    """Put the definitions, such as those of enums, where they are referred to."""
    if isinstance(schema, list):
        return [inline(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name in definitions:
        return inline(definitions[name], definitions)
    return {key: inline(value, definitions) for key, value in schema.items()}


def describe(schema: Json) -> str:
    """Say in words what a JSON schema asks of a value; nothing where its own message is plainer."""
    if not isinstance(schema, dict):
        return ""
    alternatives = schema.get("anyOf")
    if isinstance(alternatives, list):
        return next((words for words in map(describe, alternatives) if words), "")
    choices = schema.get("enum")
    if isinstance(choices, list):
        return "one of " + ", ".join(str(choice) for choice in choices)
    noun = NOUNS.get(str(schema.get("type")), "")
    return noun + _bounds(schema) if noun else ""


def _bounds(schema: dict[str, Json]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" between {low} and {high}"
    words = {
        " of at least": low,
        " above": schema.get("exclusiveMinimum"),
        " of at most": high,
        " below": schema.get("exclusiveMaximum"),
    }
    return " and".join(f"{word} {bound}" for word, bound in words.items() if bound is not None)


def is_secret(schema: Json) -> bool:
    """Say whether a SecretStr is anywhere in it."""
    if isinstance(schema, dict):
        return schema.get("writeOnly") is True or any(map(is_secret, schema.values()))
    return isinstance(schema, list) and any(map(is_secret, schema))


def echo(value: object) -> str:
    """Repeat a bad value, unless it looks like a URL, which may hold a password."""
    text = str(value)
    if "@" in text or "//" in text:
        return ""
    return f", not {text[:LONGEST_ECHO] + '...' if len(text) > LONGEST_ECHO else text!r}"
