"""One problem for bad input, whichever library has refused it. What stands in `__all__` is public."""

from validation_problems._body import Body, body_of
from validation_problems._codes import CODES, Code
from validation_problems._entries import Entry, Findings, findings
from validation_problems._errors import InvalidInputError, MalformedError, NotAValidationError
from validation_problems._problem import CONTENT_TYPE, Problem, problem_of
from validation_problems._reader import read
from validation_problems._value import Limits, Value
from validation_problems._views import View

__all__ = [
    "CODES",
    "CONTENT_TYPE",
    "Body",
    "Code",
    "Entry",
    "Findings",
    "InvalidInputError",
    "Limits",
    "MalformedError",
    "NotAValidationError",
    "Problem",
    "Value",
    "View",
    "body_of",
    "findings",
    "problem_of",
    "read",
]
