import pytest
from psycopg import sql

from backup.domain import DatabaseSetting
from backup.properties import value_of


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("search_path", '"$user", public', "'$user', 'public'"),
        ("search_path", '"Odd, name", "with ""quotes"""', "'Odd, name', 'with \"quotes\"'"),
        ("search_path", '""', "''"),
        ("search_path", "", "''"),
        ("DateStyle", "German, DMY", "'German, DMY'"),
        ("app.tenant", "it's", "'it''s'"),
    ],
)
def test_a_list_of_names_is_no_single_text(name: str, value: str, wanted: str) -> None:
    composed = value_of(DatabaseSetting(None, name, value))
    assert sql.SQL("{}").format(composed).as_string() == wanted
