"""A page of a list as SQL. It begins behind a place, and not after a number of rows to be read first."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, literal_column, not_, tuple_
from sqlalchemy.sql.functions import coalesce

from mini_rest.domain import Listing, Sort
from mini_rest.tables import TaskRow

BEGINNING: Final[ColumnElement[datetime]] = literal_column("'-infinity'::timestamptz", TaskRow.due_at.type)
END: Final[ColumnElement[datetime]] = literal_column("'infinity'::timestamptz", TaskRow.due_at.type)

type Query = Select[TaskRow]


def filtered(query: Query, organisation_id: UUID, listing: Listing) -> Query:
    """Leave in what the list has, whatever its order. The tenant comes first: it is in every query."""
    query = query.where(TaskRow.organisation_id == organisation_id)
    query = query.where(TaskRow.is_deleted if listing.deleted else not_(TaskRow.is_deleted))
    if listing.status is not None:
        query = query.where(TaskRow.status == listing.status)
    if listing.owner_id is not None:
        query = query.where(TaskRow.owner_id == listing.owner_id)
    return query


def paged(query: Query, listing: Listing) -> Query:
    """Order the list, and leave in what lies beyond the place: in reverse order, if that is a way back.

    One row more than the page has tells whether there is a page behind it. The comparison of whole rows is
    what an index can begin at; `key > … OR (key = … AND id > …)` says the same, and is read from the start.
    """
    place = listing.place
    key = sort_key(listing.sort)
    descends = listing.sort.startswith("-") != (place is not None and place.is_backward)
    order = (key.desc(), TaskRow.id.desc()) if descends else (key.asc(), TaskRow.id.asc())
    if place is not None:
        here = tuple_(place.key if place.key is not None else last_of(listing.sort), place.task_id)
        there = tuple_(key, TaskRow.id)
        query = query.where(there < here if descends else there > here)
    return query.order_by(*order).limit(listing.limit + 1)


def sort_key(sort: Sort) -> ColumnElement[datetime]:
    """Return what a list is ordered by. It is never null: null compares with nothing, and would be lost."""
    if sort in {Sort.CREATED_AT, Sort.CREATED_AT_DESCENDING}:
        return TaskRow.created_at.expression
    return coalesce(TaskRow.due_at, last_of(sort))


def last_of(sort: Sort) -> ColumnElement[datetime]:
    """Return what comes behind all moments in this order."""
    return BEGINNING if sort.startswith("-") else END
