"""A client of the service, with the database that it is for and the folder of its versions."""

import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

import psycopg
import zstandard
from psycopg import sql

from kata.steps import Draw, Exchange, Service, as_object, describe_answer, expect

API = "/api/v1"
OK, ACCEPTED, NOT_FOUND, CONFLICT, INVALID, UNAVAILABLE = 200, 202, 404, 409, 422, 503
PATIENCE_SECONDS = 30.0
SURELY_SECONDS = 15.0
POLL_SECONDS = 0.03
MANIFEST = "manifest.json"
DUMP_SUFFIX = ".dump.zst"

type Json = Mapping[str, object]
type Row = tuple[object, ...]


@dataclass(frozen=True)
class Vault:
    """A running service."""

    service: Service
    draw: Draw
    settings: Mapping[str, str]
    other_database: str | None = None
    damages_drawn: bool = False
    dump_suffix: str = DUMP_SUFFIX

    @property
    def database(self) -> str:
        return self.other_database or self.service.postgres.database

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings['OPERATOR_TOKEN']}"}

    @property
    def folder(self) -> Path:
        """Where the versions are."""
        return self.service.data_folder / quote(self.database, safe="")

    def ask(self, method: str, path: str, body: object = None, *, process: int = 0) -> Exchange:
        """Send one request, from somebody whom nobody has seen before."""
        with self.service.client(self.authorization, process=process) as client:
            if body is None:
                return client.request(method, f"{API}{path}")
            return client.request(method, f"{API}{path}", json=body)

    def get(self, path: str, *, process: int = 0) -> Json:
        answer = self.ask("GET", path, process=process)
        expect(answer.status == OK, expected=f"200 from {answer.asked}", got=describe_answer(answer))
        return as_object(answer)

    def begin(self, path: str, body: object = None, *, process: int = 0) -> Json:
        """Begin a run, and demand that it has begun."""
        answer = self.ask("POST", path, {} if body is None else body, process=process)
        got = f"{describe_answer(answer)} {answer.text[:300]}"
        expect(answer.status == ACCEPTED, expected=f"202 from {answer.asked}", got=got, answer=answer)
        run = as_object(answer)
        where = answer.header("location") or "no Location"
        expect(where.endswith(f"{API}/runs/{run.get('id')}"), expected="Location of the run", got=where)
        return run

    def ended(self, run: Json, *, process: int = 0, seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait until a run has ended, and demand that it does; no machine is so slow that it goes on."""
        wanted, deadline = f"{run['kind']} ends within {seconds:g} s", time.monotonic() + seconds
        while (now := self.get(f"/runs/{run['id']}", process=process))["state"] == "running":
            on_and_on = time.monotonic() > deadline + SURELY_SECONDS
            expect(not on_and_on, expected=wanted, got=shown(now))
            time.sleep(POLL_SECONDS)
        expect(time.monotonic() <= deadline, expected=wanted, got=f"later: {shown(now)}", timing=True)
        return now

    def succeeded(self, run: Json, *, process: int = 0) -> Json:
        ended = self.ended(run, process=process)
        expect(ended["state"] == "succeeded", expected=f"{run['kind']} succeeds", got=shown(ended))
        return ended

    def failed(self, run: Json, *codes: str) -> Json:
        ended = self.ended(run)
        got = (ended["state"], ended.get("code"))
        expect(
            got[0] == "failed" and got[1] in codes,
            expected=f"{run['kind']} fails with {' or '.join(codes)}",
            got=shown(ended),
        )
        return ended

    def create(self, labels: Mapping[str, str] | None = None, *, process: int = 0) -> str:
        """Make a version, and return its id."""
        run = self.begin("/versions", {"labels": dict(labels)} if labels else {}, process=process)
        return str(self.succeeded(run, process=process)["version_id"])

    def restore(self, version_id: str) -> Json:
        return self.succeeded(self.begin("/restores", {"version_id": version_id}))

    def import_(self, file: str, **more: object) -> str:
        return str(self.succeeded(self.begin("/imports", {"file": file, **more}))["version_id"])

    def versions(self, query: str = "limit=1000", *, process: int = 0) -> list[Json]:
        items = self.get(f"/versions?{query}", process=process).get("items")
        return as_list(items)

    def version(self, version_id: str, *, process: int = 0) -> Json:
        return self.get(f"/versions/{version_id}", process=process)

    def place(self, version_id: str) -> Path:
        """Return the folder of a version."""
        places = list(self.folder.glob(f"*-{version_id}"))
        expect(len(places) == 1, expected=f"one folder whose name ends with -{version_id}", got=len(places))
        return places[0]

    def files(self, version_id: str) -> list[str]:
        """Return the names of the files of a version in the storage."""
        return sorted(entry.name for entry in self.place(version_id).iterdir())

    def kept_here(self, version_id: str) -> list[Path]:
        """Return what of a version lies in files."""
        return list(self.place(version_id).rglob("*"))

    def read(self, version_id: str, name: str) -> bytes:
        return (self.place(version_id) / name).read_bytes()

    def write(self, version_id: str, name: str, content: bytes) -> None:
        (self.place(version_id) / name).write_bytes(content)

    def remove(self, version_id: str, name: str) -> None:
        (self.place(version_id) / name).unlink()

    def manifest(self, version_id: str) -> Json:
        """Read the manifest of a version in the storage."""
        names = self.files(version_id)
        expect(MANIFEST in names, expected=MANIFEST, got=names)
        manifest = json.loads(self.read(version_id, MANIFEST))
        expect(isinstance(manifest, dict), expected="an object in the manifest", got=type(manifest).__name__)
        return as_mapping(manifest)

    def source(self, version_id: str) -> Json:
        return as_mapping(self.manifest(version_id).get("source"))

    def dump_of(self, version_id: str) -> str:
        """Return the name of the file of a version that holds the dump."""
        names = [str(file["name"]) for file in as_list(self.manifest(version_id).get("files"))]
        dumps = [name for name in names if name.endswith(self.dump_suffix)]
        expect(len(dumps) == 1, expected=f"one file that ends with {self.dump_suffix}", got=names)
        return dumps[0]

    @contextmanager
    def connect(self, database: str | None = None) -> Iterator[psycopg.Connection[Row]]:
        """Connect past the proxy, as the superuser; what the database refuses fails the check."""
        try:
            with self.service.postgres.address.connect(database or self.database) as connection:
                yield connection
        except psycopg.Error as error:
            expect(False, expected="a database that is whole", got=f"{type(error).__name__}: {error}")

    def run(self, statement: LiteralString, *names: str, database: str | None = None) -> list[Row]:
        """Execute a statement, with names in the place of each {}."""
        with self.connect(database) as connection:
            cursor = connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
            return cursor.fetchall() if cursor.description else []

    def databases(self) -> set[str]:
        """Return the databases that the service has made beside its own."""
        rows = self.run("SELECT datname FROM pg_database", database="postgres")
        prefix = self.database[:12]
        return {str(name) for (name,) in rows if str(name).startswith(prefix) and name != self.database}


def decompressed(data: bytes) -> bytes:
    """Do what `zstd -d` does, and demand that it can be done."""
    try:
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    except zstandard.ZstdError as error:
        expect(False, expected="what `zstd -d` takes", got=str(error))
        raise


def as_list(value: object) -> list[Json]:
    expect(isinstance(value, list), expected="a list", got=type(value).__name__)
    return [as_mapping(item) for item in value] if isinstance(value, list) else []


def as_mapping(value: object) -> Json:
    expect(isinstance(value, dict), expected="an object", got=json.dumps(value)[:200])
    return value if isinstance(value, dict) else {}


def ids(versions: Sequence[Json]) -> list[str]:
    return [str(version["id"]) for version in versions]


def shown(run: Json) -> str:
    """Say how a run stands."""
    return f"{run.get('state')}, code {run.get('code')}: {run.get('detail')}"
