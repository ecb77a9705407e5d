"""The page for people: what is due, delivering, retrying and dead. It is made anew for each look at it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from reminders.domain import Reminder, State
from reminders.errors import DatabaseUnavailableError
from reminders.repository import BeginUnitOfWork, UnitOfWork
from reminders.settings import WebSettings
from service_kit.fastapi_page import add_static
from service_kit.page_headers import PAGE_HEADERS

STRIP_SECONDS: Final = 60
MOST_LISTED: Final = 10
MOST_READ: Final = 50
MOST_COUNTED: Final = 1000
"""Counting a million rows takes PostgreSQL a tenth of a second, and the page asks every second."""
UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts, which end at MOST_COUNTED, and the first few of each kind."""

    now: datetime
    counts: dict[str, int]
    due: list[Reminder]
    delivering: list[Reminder]
    retrying: list[Reminder]
    dead: list[Reminder]


async def read_overview(uow: UnitOfWork) -> Overview:
    counts: dict[str, int] = {state: await uow.count(state, MOST_COUNTED) for state in State}
    return Overview(
        now=await uow.now(),
        counts={**counts, "retrying": await uow.count(None, MOST_COUNTED)},
        due=await uow.soonest(MOST_READ, retrying=False),
        delivering=await uow.newest(State.DELIVERING, MOST_READ),
        retrying=await uow.soonest(MOST_READ, retrying=True),
        dead=await uow.newest(State.DEAD, MOST_READ),
    )


def add_page(app: FastAPI, settings: WebSettings, unit_of_work: BeginUnitOfWork) -> None:
    """Add the page and its files."""
    environment = Environment(
        loader=PackageLoader("reminders"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"span": span, "count": count}
    template = environment.get_template("page.html")
    add_static(app, "reminders")

    @app.get("/", include_in_schema=False)
    async def show() -> HTMLResponse:
        overview: Overview | None = None
        with suppress(DatabaseUnavailableError):
            async with unit_of_work() as uow:
                overview = await read_overview(uow)
        html = template.render(
            overview=overview, settings=settings, strip=strip(overview), wait=wait_seconds, most=MOST_LISTED
        )
        return HTMLResponse(html, headers=dict(PAGE_HEADERS))


def strip(overview: Overview | None) -> list[tuple[float, str]]:
    """Place what is due within the next minute on a line from 0 to 1, with the kind of each."""
    if overview is None:
        return []
    kinds = {"due": overview.due, "retrying": overview.retrying}
    places = [
        (max(wait_seconds(reminder, overview.now), 0) / STRIP_SECONDS, kind)
        for kind, reminders in kinds.items()
        for reminder in reminders
    ]
    return [(place, kind) for place, kind in places if place <= 1]


def wait_seconds(reminder: Reminder, now: datetime) -> float:
    """Return how long it is until the next attempt, or if there is none, until the reminder's time."""
    return ((reminder.next_attempt_at or reminder.remind_at) - now).total_seconds()


def span(seconds: float) -> str:
    """Write a distance from now in its largest unit: `in 3 s`, `2 h ago`."""
    size = abs(seconds)
    for unit_seconds, name in UNITS:
        if size >= unit_seconds:
            amount = f"{int(size / unit_seconds)} {name}"
            return f"in {amount}" if seconds > 0 else f"{amount} ago"
    return "now"


def count(number: int) -> str:
    """Write a count that may have been cut off."""
    return f"{number}+" if number >= MOST_COUNTED else str(number)
