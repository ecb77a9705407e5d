"""Flags over HTTP: what is on for an organisation, and the operator's switches."""

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from apps.api.access import Allowed, needs
from apps.api.schemas import FlagsAnswer, Key, Switch
from core.flags.service import FlagService
from core.tenancy.domain import Permission

Flags = NamedDependency[FlagService]


@get("/flags", opt=needs(Permission.READ_FLAGS))
async def show(access: Allowed, flags: Flags) -> FlagsAnswer:
    """Show what is on for an organisation."""
    return FlagsAnswer(flags=await flags.show(access))


@put("/admin/flags/{key:str}", status_code=204)
async def switch(key: FromPath[Key], data: JSONBody[Switch], flags: Flags) -> None:
    """Switch a flag, for all or for one organisation."""
    await flags.switch(key, is_on=data.is_on, tenant_id=data.organisation_id)


OF_OPERATOR = [switch]
OF_ONE = [show]
