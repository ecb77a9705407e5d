"""The rules applied to a database that has no constraints yet, once nothing is left that they forget."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from backup.errors import RuleFailedError, RuleMissingError
from backup.properties import Connection
from backup.replacements import FIRST_FREE_ID, WHOLE, prepare, replacement
from backup.rules import Key, Kind, Rule

# A domain is as its base type. What pg_dump dumps of extensions is looked at, too.
COLUMNS: Final = """
    SELECT c.oid, nspname, relname, relkind = 'p', attname, typcategory,
        format_type(coalesce(nullif(typbasetype, 0), atttypid), NULL), attidentity = 'a'
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid
        JOIN pg_namespace AS n ON n.oid = relnamespace JOIN pg_type AS t ON t.oid = atttypid
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't' AND attnum > 0 AND NOT attisdropped
        AND nspname <> 'information_schema' AND nspname !~ '^pg_'
    ORDER BY nspname, relname, attnum
"""
HEIRS: Final = """
    WITH RECURSIVE heir (oid) AS (
        SELECT %s::oid UNION SELECT inhrelid FROM pg_inherits JOIN heir ON inhparent = heir.oid
    ) SELECT oid, relkind = 'f' FROM heir JOIN pg_class USING (oid)
"""
# Those of a serial or identity column, and those that its default names.
SEQUENCES: Final = """
    SELECT setval(s.oid::regclass, greatest(%(first)s, coalesce(pg_sequence_last_value(s.oid), 0)))
    FROM pg_class AS s WHERE relkind = 'S' AND s.oid IN (
        SELECT objid FROM pg_depend JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
        WHERE classid = 'pg_class'::regclass AND refobjid = %(table)s AND attname = %(column)s
        UNION SELECT refobjid FROM pg_depend JOIN pg_attrdef AS d ON d.oid = objid
            JOIN pg_attribute AS a ON attrelid = adrelid AND attnum = adnum
        WHERE classid = 'pg_attrdef'::regclass AND adrelid = %(table)s AND attname = %(column)s
    )
"""
# Passwords for other servers would be dumped with them.
USER_MAPPINGS: Final = "SELECT usename, srvname FROM pg_user_mappings"
# Truth, moments, shapes, addresses of machines, numbers, spans and bits are written without an @.
WITHOUT_AT: Final = "BDGINTV"
MAIL: Final = r"[^@\s]@[^@\s]"
SELECT: Final = sql.SQL("SELECT {} FROM ONLY {} AS x")
PUBLIC: Final = "public"
QUALIFIED: Final = 3


@dataclass(frozen=True)
class Column:
    """A column of a table that holds rows, or of the parent of such tables."""

    table_oid: int
    schema: str
    table: str
    is_of_parent: bool
    name: str
    category: str
    type: str
    is_always_generated: bool

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}.{self.name}"

    @property
    def of_table(self) -> tuple[str, str]:
        return self.schema, self.table


def anonymise(connection: Connection, rules: Sequence[Rule], key: Key) -> None:
    """Replace what the rules name.

    Raises: psycopg.Error; RuleFailedError; RuleMissingError, if a column that no rule names has what looks
        like mails.
    """
    columns = _columns(connection)
    ruled = {rule: _column_of(connection, columns, rule) for rule in rules}
    covered = _covered(connection, ruled.values())
    unruled = [c for c in columns if not c.is_of_parent and (c.table_oid, c.name) not in covered]
    mails = _with_mails(connection, unruled)
    if mails:
        raise RuleMissingError(f"No rule says what becomes of what looks like mails: {', '.join(mails)}.")
    _drop_user_mappings(connection)
    prepare(connection, key)
    changes: dict[tuple[str, str], list[tuple[Column, Kind]]] = defaultdict(list)
    for rule, column in ruled.items():
        if rule.kind is not Kind.KEEP:
            changes[column.of_table].append((column, rule.kind))
    for table, changed in changes.items():
        _update(connection, sql.Identifier(*table), changed)


def _columns(connection: Connection) -> list[Column]:
    return [
        Column(
            int(str(oid)),
            str(schema),
            str(table),
            bool(is_parent),
            str(name),
            str(category),
            str(type_),
            bool(always),
        )
        for oid, schema, table, is_parent, name, category, type_, always in connection.execute(COLUMNS)
    ]


def _column_of(connection: Connection, columns: Iterable[Column], rule: Rule) -> Column:
    row = connection.execute("SELECT parse_ident(%s)", [rule.column]).fetchone()
    path = [str(part) for part in row[0]] if row and isinstance(row[0], list) else []
    for column in columns:
        if path in ([column.schema, column.table, column.name], [column.table, column.name]) and (
            len(path) == QUALIFIED or column.schema == PUBLIC
        ):
            return column
    raise RuleFailedError(f"There is no column {rule.column}.")


def _covered(connection: Connection, ruled: Iterable[Column]) -> set[tuple[int, str]]:
    """Return all columns that rules name, those of partitions and of tables that inherit included."""
    covered: set[tuple[int, str]] = set()
    for column in ruled:
        for oid, is_foreign in connection.execute(HEIRS, [column.table_oid]).fetchall():
            place = (int(str(oid)), column.name)
            if place in covered:
                raise RuleFailedError(f"Two rules name {column}, or one of what it is a part of.")
            if is_foreign:
                raise RuleFailedError(f"A part of {column} is on another server, where nothing is changed.")
            covered.add(place)
    return covered


def _with_mails(connection: Connection, columns: Iterable[Column]) -> list[str]:
    """Look into all that could be a mail address, wherever in the value it stands."""
    by_table: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for column in columns:
        if column.category not in WITHOUT_AT and column.type != "uuid":
            by_table[column.of_table].append(column)
    found = []
    for table, looked_at in by_table.items():
        tests = sql.SQL(", ").join(
            sql.SQL("coalesce(bool_or({} ~ {}), false)").format(_text(column), MAIL) for column in looked_at
        )
        row = connection.execute(SELECT.format(tests, sql.Identifier(*table))).fetchone()
        found += [str(column) for column, has in zip(looked_at, row or (), strict=True) if has]
    return found


def _text(column: Column) -> sql.Composed:
    shape = "encode({}, 'escape')" if column.type == "bytea" else "{}::text"
    return sql.SQL(shape).format(sql.Identifier("x", column.name))


def _update(connection: Connection, table: sql.Identifier, changed: Sequence[tuple[Column, Kind]]) -> None:
    always = [column for column, _ in changed if column.is_always_generated]
    alter = sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET GENERATED {}")
    for column in always:
        connection.execute(alter.format(table, sql.Identifier(column.name), sql.SQL("BY DEFAULT")))
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(
            sql.Identifier(column.name), replacement(sql.Identifier("x", column.name), column.type, kind)
        )
        for column, kind in changed
    )
    connection.execute(sql.SQL("UPDATE {} AS x SET {}").format(table, assignments))
    for column in always:
        connection.execute(alter.format(table, sql.Identifier(column.name), sql.SQL("ALWAYS")))
    for column, kind in changed:
        if kind is Kind.ID and column.type in WHOLE:
            connection.execute(
                SEQUENCES, {"first": FIRST_FREE_ID, "table": column.table_oid, "column": column.name}
            )


def _drop_user_mappings(connection: Connection) -> None:
    for user, server in connection.execute(USER_MAPPINGS).fetchall():
        who = sql.SQL("PUBLIC") if user == "public" else sql.Identifier(str(user))
        drop = sql.SQL("DROP USER MAPPING FOR {} SERVER {}")
        connection.execute(drop.format(who, sql.Identifier(str(server))))
