"""What exports replace: people, their orders, and what else may hold a mail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .vault import Row, Vault

# Each table by what no rule replaces: `mark` tells which row it was.
TABLES: Final = """
    CREATE SCHEMA {s};
    CREATE DOMAIN {s}.mail AS text CHECK (VALUE LIKE '%_@_%');
    CREATE TABLE {s}.people (id bigint GENERATED ALWAYS AS IDENTITY (START {start}) PRIMARY KEY,
        mark int, full_name varchar(60) NOT NULL, email text UNIQUE, second {s}.mail, code uuid UNIQUE,
        born date, remark text, boss bigint REFERENCES {s}.people);
    INSERT INTO {s}.people (mark, full_name, email, second, code, born, remark, boss)
        SELECT n, '{w} ' || n / 2, CASE WHEN n % 5 > 0 THEN '{w}.' || n || '@' || 'Post.example' END,
            'p' || n % 7 || '@{w}.test', md5('{w}' || n)::uuid, '1970-01-01'::date + n, 'none of ' || n,
            CASE WHEN n > 1 THEN {start} END
        FROM generate_series(1, {n}) AS n;
    CREATE TABLE {s}."Odd Orders" (id serial, person_id integer, mail text, at timestamptz, amount numeric,
        mark int) PARTITION BY RANGE (mark);
    CREATE TABLE {s}.orders_low PARTITION OF {s}."Odd Orders" FOR VALUES FROM (0) TO (10);
    CREATE TABLE {s}.orders_high PARTITION OF {s}."Odd Orders" FOR VALUES FROM (10) TO (1000000);
    INSERT INTO {s}."Odd Orders" (person_id, mail, at, amount, mark)
        SELECT p.id, p.email, '2020-01-02Z'::timestamptz + p.mark * interval '1 h', p.mark * 1.7,
            p.mark * 3 + k
        FROM {s}.people AS p, generate_series(0, 2) AS k;
    ALTER TABLE {s}."Odd Orders" ADD FOREIGN KEY (person_id) REFERENCES {s}.people;
    CREATE TABLE {s}.staff (login text PRIMARY KEY, known_as text, big bigint);
    INSERT INTO {s}.staff SELECT 'root@{w}' || n, '{w}_' || n, (1::bigint << 31) * n + 7
        FROM generate_series(-3, 3) AS n;
    CREATE TABLE {s}.numbers (number integer PRIMARY KEY);
    INSERT INTO {s}.numbers SELECT * FROM generate_series(1, 3000);
    CREATE TABLE {s}.log (what text);
    INSERT INTO {s}.log VALUES {no_mails};
    CREATE FUNCTION {s}.noted() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN INSERT INTO {s}.log VALUES (OLD::text); RETURN NEW; END$$;
    CREATE TRIGGER noted AFTER UPDATE ON {s}.people FOR EACH ROW EXECUTE FUNCTION {s}.noted();
    CREATE TABLE {s}.more (doc jsonb, words text[], body bytea,
        shown text GENERATED ALWAYS AS (upper(doc::text)) STORED);
"""
NO_MAILS: Final = ("@", "a @b", "a@ b", "@home", "at@", "x@@y", "a@\tb", "none")
RULES: Final = """
# who they are
{s}.people.full_name = name
{s}.PEOPLE.email=email
  {s}.people.second = email

{s}.people.id = id
{s}.people.boss = id
{s}.people.code = id
{s}.people.remark = null
{s}."Odd Orders".person_id = id
{s}."Odd Orders".mail = email
{s}.staff.login = keep
{s}.staff.known_as = id
{s}.staff.big = id
{s}.numbers.number = id
"""
QUERIES: Final = {
    "people": "SELECT mark, born FROM {s}.people ORDER BY 1",
    "orders": 'SELECT mark, at, amount, id FROM {s}."Odd Orders" ORDER BY 1',
    "staff": "SELECT login FROM {s}.staff ORDER BY 1",
    # Who belongs to whom, by what was replaced.
    "orders by id": """SELECT o.mark, p.mark FROM {s}."Odd Orders" AS o
        JOIN {s}.people AS p ON p.id = person_id ORDER BY 1, 2""",
    "orders by mail": """SELECT o.mark, p.mark FROM {s}."Odd Orders" AS o
        JOIN {s}.people AS p ON mail = email ORDER BY 1, 2""",
    "people of a name": "SELECT array_agg(mark ORDER BY mark) FROM {s}.people GROUP BY full_name ORDER BY 1",
    "people of a mail": "SELECT array_agg(mark ORDER BY mark) FROM {s}.people GROUP BY second ORDER BY 1",
    "bosses": "SELECT p.mark, b.mark FROM {s}.people p LEFT JOIN {s}.people b ON b.id = p.boss ORDER BY 1",
    "people without a mail": "SELECT mark FROM {s}.people WHERE email IS NULL ORDER BY 1",
    "staff of a number": "SELECT count(*), count(DISTINCT big), count(DISTINCT known_as) FROM {s}.staff",
    "numbers": "SELECT count(DISTINCT number) FROM {s}.numbers",
    "rows of the log": "SELECT count(*) FROM {s}.log",
}
REPLACED: Final = {
    "what people were": "SELECT mark, id, full_name, email, second, code, boss FROM {s}.people ORDER BY 1",
    "what orders had": 'SELECT mark, person_id, mail FROM {s}."Odd Orders" ORDER BY 1',
    "what staff was": "SELECT login, known_as, big FROM {s}.staff ORDER BY 1",
}


@dataclass(frozen=True)
class People:
    """A schema with them, and what it holds."""

    vault: Vault
    schema: str
    word: str

    def ask(self, queries: Mapping[str, str], database: str | None = None) -> dict[str, list[Row]]:
        with self.vault.connect(database) as connection:
            return {
                what: connection.execute(query.replace("{s}", self.schema).encode()).fetchall()
                for what, query in queries.items()
            }

    def execute(self, text: str, database: str | None = None) -> None:
        with self.vault.connect(database) as connection:
            connection.execute(text.replace("{s}", self.schema).encode())

    @property
    def rules(self) -> str:
        return RULES.replace("{s}", self.schema)


def people_in(vault: Vault) -> People:
    schema, word = vault.draw.word(), vault.draw.word()
    people = People(vault, schema, word)
    no_mails = ", ".join(f"('{text}')" for text in NO_MAILS)
    text = (
        TABLES.replace("{no_mails}", no_mails)
        .replace("{w}", word)
        .replace("{n}", str(vault.draw.integer(20, 60)))
    )
    people.execute(text.replace("{start}", str(vault.draw.integer(1, 10_000))))
    return people
