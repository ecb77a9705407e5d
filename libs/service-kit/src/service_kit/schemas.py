"""The base of models for what clients send: a mistake is called one, and nothing is converted unasked."""

from collections.abc import Callable
from typing import TYPE_CHECKING, override

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticKnownError
from pydantic_core.core_schema import no_info_before_validator_function

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


def _is_int(value: object) -> object:
    if type(value) not in {int, float}:  # 2.0 is an integer in JSON Schema, and 2.5 is refused behind this
        raise PydanticKnownError("int_type")
    return value


def _is_float(value: object) -> object:
    if type(value) not in {int, float}:
        raise PydanticKnownError("float_type")
    return value


def _is_bool(value: object) -> object:
    if type(value) is not bool:
        raise PydanticKnownError("bool_type")
    return value


# Pydantic's own strict mode refuses text for dates and UUIDs too, for which JSON has nothing else; and
# Litestar validates with strict=False, which overrides what a model says.
CHECKS: dict[str, Callable[[object], object]] = {"int": _is_int, "float": _is_float, "bool": _is_bool}


def forbid_conversion(schema: object) -> None:
    """Put a check before each number and boolean of a core schema, in place."""
    if isinstance(schema, dict):
        for name, part in schema.items():
            if name != "metadata":
                forbid_conversion(part)
        kind = schema.get("type")  # a mapping where a field of the model has that name
        if isinstance(kind, str) and (check := CHECKS.get(kind)):
            inner = {**schema}
            schema.clear()
            schema.update(no_info_before_validator_function(check, inner))
    elif isinstance(schema, list | tuple):
        for part in schema:
            forbid_conversion(part)


class Body(BaseModel):
    """Refuses unknown members, and what is no number or boolean where one is due: "1" or true for 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    @override
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: "GetCoreSchemaHandler", /
    ) -> "CoreSchema":
        schema = handler(source)
        forbid_conversion(schema)
        return schema
