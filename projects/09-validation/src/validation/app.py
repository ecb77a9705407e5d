"""All the wiring, and which error becomes which status."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import override

from fastapi import FastAPI

from service_kit.fastapi import install
from service_kit.fastapi_page import add_page
from service_kit.json_text import Json
from service_kit.problems import ErrorRule, FieldError, Problem, on
from validation import errors
from validation.evaluators import Evaluators
from validation.registry import Registry
from validation.routes import api
from validation.service import ValidationService
from validation.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Put the API together; evaluators are started with it."""
    registry = Registry(settings.data_dir)
    evaluators = Evaluators(evaluator_arguments(settings), settings.evaluators, settings.evaluation_ms)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await evaluators.start()
        yield
        await evaluators.close()

    app = FastAPI(title="Validation", version="1", lifespan=lifespan, redirect_slashes=False)
    app.state.body_limit_bytes = settings.body_limit_bytes
    app.state.service = ValidationService(
        registry, evaluators, settings.limits, settings.max_errors, settings.max_line_bytes
    )
    app.include_router(api)
    add_page(app, "validation")

    async def can_keep() -> None:
        await asyncio.to_thread(registry.check)

    install(app, settings, readiness={"registry": can_keep}, errors=error_table())
    return app


def evaluator_arguments(settings: Settings) -> list[str]:
    numbers = (settings.max_depth, settings.max_members, settings.max_strings, settings.max_errors)
    return [str(settings.data_dir), *map(str, numbers), str(settings.evaluation_ms)]


@dataclass(frozen=True, slots=True)
class ToldError(FieldError):
    """An entry of `errors` with all its members."""

    members: Mapping[str, Json] = field(default_factory=dict)

    @override
    def document(self) -> dict[str, Json]:
        return dict(self.members)


def error_table() -> list[ErrorRule]:
    """Say which error becomes which problem."""
    return [
        ErrorRule(errors.MalformedError, _malformed),
        ErrorRule(errors.InvalidInputError, _invalid),
        on(errors.SchemaNotFoundError, 404, "not_found"),
        on(errors.EvaluationStoppedError, 422, "evaluation_stopped"),
        on(errors.StorageError, 503, "storage_unavailable", headers=lambda _: {"Retry-After": "1"}),
    ]


def _malformed(error: Exception) -> Problem:
    if not isinstance(error, errors.MalformedError):
        raise TypeError
    return Problem(400, error.code, "Malformed input", str(error), extensions=dict(error.place))


def _invalid(error: Exception) -> Problem:
    if not isinstance(error, errors.InvalidInputError):
        raise TypeError
    told = [ToldError(str(one["code"]), str(one["detail"]), members=one) for one in error.errors]
    count = "There is 1 mistake." if len(told) == 1 else f"There are {len(told)} mistakes."
    return Problem(422, error.code, "Invalid input", count, errors=told, extensions=error.extensions)
