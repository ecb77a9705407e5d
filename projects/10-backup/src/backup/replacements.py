"""What stands in the place of a value: it depends on the value and a key, and on nothing else.

So the same value is the same in each table, and joins hold. And who has a replacement cannot try out values
without the key, as with a plain hash.
"""

from typing import Final

from psycopg import sql

from backup.properties import Connection
from backup.rules import Key, Kind

# Functions of the session, so that no dump has them. HMAC by hand: pgcrypto is not everywhere. Whole numbers
# go through a Feistel network, by which no two become one: hashes of 31 bits do so among ten thousand ids.
# What is below 2^30 stays so, for a sequence goes on from there, and what fits an integer still fits.
FUNCTIONS: Final = """
    CREATE FUNCTION pg_temp.keyed(value text) RETURNS bytea LANGUAGE sql STABLE AS $$
        SELECT sha256(decode(current_setting('export.outer'), 'hex')
            || sha256(decode(current_setting('export.inner'), 'hex') || convert_to(value, 'UTF8')))
    $$;
    CREATE FUNCTION pg_temp.word(value text) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT left(encode(pg_temp.keyed(value), 'hex'), 16)
    $$;
    CREATE FUNCTION pg_temp.uuid(value text) RETURNS uuid LANGUAGE sql STABLE AS $$
        SELECT overlay(overlay(left(encode(pg_temp.keyed(value), 'hex'), 32) PLACING '8' FROM 13)
            PLACING '8' FROM 17)::uuid
    $$;
    CREATE FUNCTION pg_temp.number(value bigint) RETURNS bigint LANGUAGE plpgsql STABLE STRICT AS $$
    DECLARE
        bits int := CASE WHEN value < 2147483648 THEN 15 ELSE 31 END;
        mask bigint := (1::bigint << bits) - 1;
        base bigint := value & (1::bigint << (2 * bits));
        high bigint; low bigint; hash bigint;
    BEGIN
        IF value < 0 THEN RETURN -1 - pg_temp.number(-1 - value); END IF;
        LOOP
            high := (value >> bits) & mask;
            low := value & mask;
            FOR round IN 1..4 LOOP
                hash := ('x' || pg_temp.word(concat_ws(' ', bits, base, round, low)))::bit(32)::bigint;
                hash := (high # hash) & mask;
                high := low;
                low := hash;
            END LOOP;
            value := base | (high << bits) | low;
            EXIT WHEN bits = 15 OR value >= 2147483648;
        END LOOP;
        RETURN value;
    END $$;
"""
FIRST_FREE_ID: Final = 1 << 30
WHOLE: Final = frozenset({"integer", "bigint"})
WORDS: Final = {Kind.ID: "{}", Kind.NAME: "'Person ' || {}", Kind.EMAIL: "{} || '@example.invalid'"}


def prepare(connection: Connection, key: Key) -> None:
    """Make the functions that replacements call, and give them the key: pg_stat_activity has no parameter."""
    for name, block in (("export.inner", key.inner), ("export.outer", key.outer)):
        connection.execute("SELECT set_config(%s, %s, false)", [name, block.hex()])
    connection.execute(FUNCTIONS)


def replacement(value: sql.Identifier, type_: str, kind: Kind) -> sql.Composable:
    """Return what stands in the place of a value; where that does not fit the type, the server says so."""
    if kind is Kind.NULL:
        return sql.NULL
    if kind is Kind.ID and type_ in WHOLE:
        return sql.SQL("pg_temp.number({})").format(value)
    # Of citext two values are equal that differ in case.
    text = sql.SQL("lower({}::text)" if type_.endswith("citext") else "{}::text").format(value)
    if kind is Kind.ID and type_ == "uuid":
        return sql.SQL("pg_temp.uuid({})").format(text)
    return sql.SQL(WORDS[kind]).format(sql.SQL("pg_temp.word({})").format(text))
