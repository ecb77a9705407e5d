"""What belongs to a database and is not in it: its owner, grants and settings, and the roles it knows."""

import re
from collections.abc import Iterator
from typing import Final

import psycopg
from psycopg import sql

from backup.domain import DatabaseSetting, Extension, Grant, Properties, Role

type Connection = psycopg.Connection[tuple[object, ...]]

# As JSON, since columns have other names in other versions: daticulocale became datlocale.
DATABASE: Final = """
    SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datlocprovider::text, datcollate, datctype,
        coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), to_jsonb(d) ->> 'daticurules',
        datconnlimit, shobj_description(oid, 'pg_database'), datacl IS NOT NULL
    FROM pg_database AS d WHERE datname = current_database()
"""
GRANTS: Final = """
    SELECT CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) END, privilege_type, is_grantable
    FROM pg_database, aclexplode(datacl) WHERE datname = current_database() ORDER BY 1 NULLS FIRST, 2
"""
SETTINGS: Final = """
    SELECT CASE WHEN setrole <> 0 THEN pg_get_userbyid(setrole) END, entry
    FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase, unnest(setconfig) AS entry
    WHERE datname = current_database() ORDER BY 1 NULLS FIRST, 2
"""
# Owners and grantees of everything in the database, of the database itself, and who has settings in it.
ROLES: Final = """
    SELECT rolname, rolcanlogin, rolsuper, rolinherit, rolcreatedb, rolcreaterole, rolreplication,
        rolbypassrls, ARRAY(
            SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members WHERE member = pg_roles.oid ORDER BY 1
        )
    FROM pg_roles
    WHERE oid IN (
        SELECT refobjid FROM pg_shdepend, pg_database AS d
        WHERE datname = current_database() AND refclassid = 'pg_authid'::regclass
            AND (dbid = d.oid OR classid = 'pg_database'::regclass AND objid = d.oid)
        UNION SELECT datdba FROM pg_database WHERE datname = current_database()
        UNION SELECT setrole FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
        WHERE datname = current_database()
    ) AND rolname !~ '^pg_' ORDER BY rolname
"""
EXTENSIONS: Final = "SELECT extname, extversion FROM pg_extension ORDER BY extname"
PROVIDERS: Final = {"c": "libc", "i": "icu", "b": "builtin"}

# Settings whose value is a list of names: as one string it would be one name with commas in it.
LISTS: Final = frozenset(
    {"local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces"}
)
ELEMENT: Final = re.compile(r'"((?:[^"]|"")*)"|([^",\s]+)')


def read_properties(connection: Connection) -> Properties:
    """Read what PostgreSQL keeps of the database that this connection is to."""
    row = connection.execute(DATABASE).fetchone()
    if row is None:
        raise AssertionError("one is connected to a database that there is")
    owner, encoding, provider, collate, ctype, locale, rules, limit, comment, has_grants = row
    grants = [
        Grant(None if grantee is None else str(grantee), str(privilege), bool(is_grantable))
        for grantee, privilege, is_grantable in connection.execute(GRANTS)
    ]
    return Properties(
        owner=str(owner),
        encoding=str(encoding),
        locale_provider=PROVIDERS[str(provider)],
        collate=str(collate),
        ctype=str(ctype),
        locale=None if locale is None else str(locale),
        icu_rules=None if rules is None else str(rules),
        connection_limit=int(str(limit)),
        comment=None if comment is None else str(comment),
        grants=grants if has_grants else None,
        settings=list(_settings(connection)),
    )


def read_roles(connection: Connection) -> list[Role]:
    """List the roles without which the database cannot be restored as it was."""
    return [
        Role(
            str(name), [str(group) for group in groups] if isinstance(groups, list) else [], *map(bool, flags)
        )
        for name, *flags, groups in connection.execute(ROLES)
    ]


def read_extensions(connection: Connection) -> list[Extension]:
    return [Extension(str(name), str(version)) for name, version in connection.execute(EXTENSIONS)]


def apply_properties(connection: Connection, database: str, wanted: Properties) -> None:
    """Give a database what another had; the connection is to a third."""
    name = sql.Identifier(database)
    for statement in _statements(name, wanted):
        connection.execute(statement)


def _statements(name: sql.Identifier, wanted: Properties) -> Iterator[sql.Composed]:
    owner = sql.Identifier(wanted.owner)
    yield sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, owner)
    yield sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(wanted.comment))
    for setting in wanted.settings:
        value = value_of(setting)
        if setting.role is None:
            yield sql.SQL("ALTER DATABASE {} SET {} TO {}").format(name, _setting_name(setting), value)
        else:
            yield sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} TO {}").format(
                sql.Identifier(setting.role), name, _setting_name(setting), value
            )
    if wanted.grants is not None:
        yield sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}").format(name, owner)
        for grant in wanted.grants:
            yield sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
                sql.SQL(_privilege(grant)),
                name,
                sql.SQL("PUBLIC") if grant.grantee is None else sql.Identifier(grant.grantee),
                sql.SQL(" WITH GRANT OPTION" if grant.is_grantable else ""),
            )
    yield sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(name, sql.Literal(wanted.connection_limit))


def _privilege(grant: Grant) -> str:
    if grant.privilege not in {"CREATE", "TEMPORARY", "CONNECT"}:
        raise AssertionError(f"a database has no privilege {grant.privilege}")
    return grant.privilege


def _setting_name(setting: DatabaseSetting) -> sql.Identifier:
    return sql.Identifier(*setting.name.split("."))


def value_of(setting: DatabaseSetting) -> sql.Composable:
    """Return what stands behind SET … TO."""
    if setting.name.lower() not in LISTS:
        return sql.Literal(setting.value)
    elements = [
        quoted.replace('""', '"') if plain == "" else plain
        for quoted, plain in ELEMENT.findall(setting.value)
    ]
    return sql.SQL(", ").join(map(sql.Literal, elements)) if elements else sql.Literal("")


def _settings(connection: Connection) -> Iterator[DatabaseSetting]:
    for role, entry in connection.execute(SETTINGS):
        name, _, value = str(entry).partition("=")
        yield DatabaseSetting(None if role is None else str(role), name, value)
