"""The face for Flask, which validates nothing itself: `install(app)`, and `body(Order)` in a view."""

from collections.abc import Callable
from typing import cast

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, HTTPException, UnsupportedMediaType

from validation_problems._body import Body, kept_body_of
from validation_problems._errors import InvalidInputError, MalformedError, NotAValidationError
from validation_problems._problem import CONTENT_TYPE, problem_of


def no_id() -> None:
    return None


def install(
    app: Flask, request_id: Callable[[], str | None] = no_id, libraries: tuple[type[Exception], ...] = ()
) -> None:
    """Answer bad input with problem details: what `body` and `request.get_json()` raise, and `libraries`.

    These are errors that views let through, such as pydantic's `ValidationError`. `request_id` gives the
    problem's member of that name.
    """

    def answer(error: Exception) -> Response | HTTPException:
        try:
            problem = problem_of(error)
        except NotAValidationError:
            if isinstance(error, HTTPException):
                return error
            raise
        return Response(problem.body(request.path, request_id()), problem.status, content_type=CONTENT_TYPE)

    for kind in (InvalidInputError, MalformedError, BadRequest, *libraries):
        app.register_error_handler(kind, answer)


def body[T](declared: type[T]) -> T:
    """Return the request's body. Raises: MalformedError, InvalidInputError, UnsupportedMediaType."""
    if not request.is_json:
        raise UnsupportedMediaType
    kept = kept_body_of(declared)  # type: ignore[arg-type]  # a class can be hashed
    return cast("Body[T]", kept).read(request.get_data())
