"""What the OpenAPI document says besides what Litestar finds in the types of the handlers."""

from dataclasses import dataclass
from typing import Final

from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import (
    Components,
    OpenAPIFormat,
    OpenAPIType,
    Operation,
    Parameter,
    Schema,
    SecurityScheme,
)

from mini_rest.domain import DEFAULT_LIMIT, LARGEST_LIMIT, Sort, Status

WITH_TOKEN: Final[list[dict[str, list[str]]]] = [{"token": []}]
TEXT, INTEGER, BOOLEAN = OpenAPIType.STRING, OpenAPIType.INTEGER, OpenAPIType.BOOLEAN
CONFIG: Final = OpenAPIConfig(
    title="Mini REST",
    version="1",
    components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
    render_plugins=[],
)
LIST_QUERY: Final = {
    "status": Schema(type=TEXT, enum=[*Status]),
    "owner": Schema(type=TEXT, format=OpenAPIFormat.UUID),
    "deleted": Schema(type=BOOLEAN, default=False),
    "sort": Schema(type=TEXT, enum=[*Sort], default=Sort.CREATED_AT_DESCENDING),
    "limit": Schema(type=INTEGER, minimum=1, maximum=LARGEST_LIMIT, default=DEFAULT_LIMIT),
    "cursor": Schema(type=TEXT),
}


@dataclass
class ListOperation(Operation):
    """The query of a list, which is read by query.py: Litestar does not know of it."""

    def __post_init__(self) -> None:
        query = [Parameter(name=name, param_in="query", schema=schema) for name, schema in LIST_QUERY.items()]
        self.parameters = [*(self.parameters or ()), *query]
