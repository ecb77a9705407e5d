from pathlib import Path

import psycopg
import pytest

from backup.errors import PreflightError
from backup.replacements import prepare
from backup.rules import Kind, Rule, key_of, read_rules


def test_a_rule_is_a_line_and_what_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rules"
    path.write_text('# people\n\n people.email=email\n"odd = table".id = id\n')
    assert read_rules(path) == [Rule("people.email", Kind.EMAIL), Rule('"odd = table".id', Kind.ID)]
    path.write_text("people.email\npeople.name = name\npeople.id = number\n= keep\n")
    with pytest.raises(PreflightError) as failed:
        read_rules(path)
    assert [detail[:7] for _, detail in failed.value.obstacles] == ["Line 1 ", "Line 3 ", "Line 4 "]
    for none in (None, tmp_path, tmp_path / "none"):
        with pytest.raises(PreflightError):
            read_rules(none)


def test_a_keyed_hash_is_hmac_and_no_two_numbers_become_one(postgres_url: str) -> None:
    edges = [0, 1, 2**30 - 1, 2**30, 2**31 - 1, 2**31, 2**62 - 1, 2**62, 2**63 - 1]
    numbers = [*range(2000), *edges, *(-1 - edge for edge in edges)]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        prepare(connection, key_of("Jefe"))
        # RFC 4231, case 2.
        row = connection.execute(
            "SELECT encode(pg_temp.keyed('what do ya want for nothing?'), 'hex')"
        ).fetchone()
        assert row == ("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",)
        rows = connection.execute("SELECT n, pg_temp.number(n) FROM unnest(%s::bigint[]) AS n", [numbers])
        became: dict[int, int] = dict(rows.fetchall())
    assert len(set(became.values())) == len(set(numbers))
    for edge in (2**30, 2**31, 2**62):
        assert all((before < edge) == (after < edge) for before, after in became.items())
    assert sum(before == after for before, after in became.items()) < 3
