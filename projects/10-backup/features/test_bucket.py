"""Steps of bucket.feature: the storage is S3, and fails as that does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from pytest_bdd import given, scenarios, then, when

from kata.steps import BucketUnderTest, World, describe_answer, expect, is_problem

from .content import Content
from .test_failures import GONE_SECONDS, is_waiting, locked, once, started_again
from .test_verification import (
    none_of_them_is_restored,
    verification_names_each_damage,
    versions_are_damaged_in_every_way,
)
from .test_versions import (
    a_version_is_made,
    brings_all_back,
    its_files_are_those_of_the_manifest,
    the_run_tells_how_far_it_is,
    ulid_time,
)
from .vault import MANIFEST, OK, UNAVAILABLE, Json, Vault, ids, shown

scenarios("bucket.feature")

RUN_SECONDS = 30.0
ANSWER_SECONDS = 5.0

# The same sentences as of a folder, and the same steps.
when("a version is made", target_fixture="made")(a_version_is_made)
then("the run tells how far it is and how it ended, and the version is listed and shown")(
    the_run_tells_how_far_it_is
)
then("its files are those of the manifest, and for the owner's eyes alone")(
    its_files_are_those_of_the_manifest
)
when("versions are damaged in every way", target_fixture="damaged")(versions_are_damaged_in_every_way)
then("verification names each damage, and passes what is whole")(verification_names_each_damage)
then("none of them is restored, and the live database is as it was")(none_of_them_is_restored)


@dataclass(frozen=True)
class BucketVault(Vault):
    """A service whose versions are in a bucket."""

    bucket: BucketUnderTest = field(kw_only=True)
    prefix: str = field(kw_only=True)

    def objects(self) -> list[str]:
        return self.bucket.keys(f"{self.prefix}/{quote(self.database, safe='')}/")

    def key(self, version_id: str, name: str) -> str:
        folder = f"{ulid_time(version_id):%Y%m%dT%H%M%SZ}-{version_id}"
        return f"{self.prefix}/{quote(self.database, safe='')}/{folder}/{name}"

    def files(self, version_id: str) -> list[str]:
        return [key.rpartition("/")[2] for key in self.objects() if f"-{version_id}/" in key]

    def kept_here(self, version_id: str) -> list[Path]:
        left = [path.name for path in self.folder.rglob("*") if path.name.endswith(".zst")]
        expect(not left, expected=f"nothing of {version_id} but in the bucket", got=left)
        return list(self.folder.glob("*"))

    def read(self, version_id: str, name: str) -> bytes:
        return self.bucket.read(self.key(version_id, name))

    def write(self, version_id: str, name: str, content: bytes) -> None:
        self.bucket.write(self.key(version_id, name), content)

    def remove(self, version_id: str, name: str) -> None:
        self.bucket.delete(self.key(version_id, name))


@given("a backup service with a bucket", target_fixture="vault")
def a_backup_service_with_a_bucket(world: World, service_settings: dict[str, str]) -> BucketVault:
    bucket, prefix = world.bucket(), f"{world.draw.word()}/{world.draw.word()}"
    settings = {
        **service_settings,
        **bucket.settings,
        "STORAGE_URL": f"s3://{bucket.name}/{prefix}",
        "LOCK_WAIT_SECONDS": "60",
    }
    service = world.start_alone(settings)
    return BucketVault(service, world.draw, settings, damages_drawn=True, bucket=bucket, prefix=prefix)


@then("a service with nothing but the bucket brings back a database that is gone")
def a_service_with_nothing_but_the_bucket(world: World, vault: BucketVault, content: Content) -> None:
    vault.create({"made_by": "another"})
    settings = {**vault.settings, "DATABASE_URL": vault.service.postgres.url}
    newcomer = Vault(world.start_alone(settings), world.draw, settings)
    brings_all_back(vault, newcomer, content)


@dataclass(frozen=True)
class Failure:
    """A run that the bucket failed: how it was to end, how it did, and what was left."""

    what: str
    code: str
    run: Json
    more_keys: list[str]


@when(
    "the bucket refuses, spoils what is stored, holds another version, and is away", target_fixture="failures"
)
def the_bucket_fails(vault: BucketVault, content: Content) -> list[Failure]:
    server, failures = vault.bucket.server, []
    server.refuse_writes(vault.draw.integer(1, 2))
    kept = vault.create()
    expect(server.refused() > 0, expected="writes that were refused, and tried again", got=server.refused())
    before = vault.objects()

    def attempt(what: str, code: str, run: Json, look: Callable[[], None] = lambda: None) -> None:
        ended = vault.ended(run, seconds=RUN_SECONDS)
        look()
        failures.append(Failure(what, code, ended, sorted(set(vault.objects()) - set(before))))

    refused = server.refused()
    server.refuse_writes(1000)
    attempt("SlowDown to every write", "storage_failed", vault.begin("/versions"))
    tries = server.refused() - refused
    expect(tries > 1, expected="more than one try", got=tries)
    server.spoil(".zst")
    attempt("another byte than was sent", "storage_failed", vault.begin("/versions"))
    server.spoil("/none")
    with held(vault, content) as run:
        key = vault.key(str(run["version_id"]), MANIFEST)
        vault.bucket.write(key, b"{}")
    attempt("a manifest of another", "version_exists", run, lambda: is_as_it_was(vault, key))
    away = vault.draw.choice((vault.bucket.proxy.cut, vault.bucket.proxy.black_hole))
    with away():
        with held(vault, content) as run:
            stands_without_its_bucket(vault)
        attempt("no bucket", "storage_failed", run)
    expect(ids(vault.versions()) == [kept], expected="the version from before", got=ids(vault.versions()))
    return failures


@contextmanager
def held(vault: BucketVault, content: Content) -> Iterator[Json]:
    """Have a run that makes a version, and waits for a table until the block ends."""
    with locked(vault, content):
        run = vault.begin("/versions")
        once(lambda: is_waiting(vault, "wait_event_type = 'Lock'"), GONE_SECONDS)
        yield run


def is_as_it_was(vault: BucketVault, key: str) -> None:
    now = vault.bucket.read(key)
    expect(now == b"{}", expected="the manifest of the other as it was", got=now[:60])
    vault.bucket.delete(key)


def stands_without_its_bucket(vault: BucketVault) -> None:
    """Demand an answer in time, which says what is the matter."""
    began = time.monotonic()
    problem = is_problem(vault.ask("GET", "/versions"), UNAVAILABLE)
    took = time.monotonic() - began
    expect(problem["code"] == "storage_failed", expected="code storage_failed", got=problem["code"])
    expect(
        took <= ANSWER_SECONDS, expected=f"503 within {ANSWER_SECONDS:g} s", got=f"{took:.1f} s", timing=True
    )
    with vault.service.client() as client:
        for path, status in (("/health", OK), ("/ready", UNAVAILABLE)):
            answer = client.get(path)
            expect(answer.status == status, expected=f"{status} from {path}", got=describe_answer(answer))


@then("each run fails with its code in time, and nothing of it is in the bucket")
def each_run_fails_with_its_code(failures: list[Failure]) -> None:
    for failure in failures:
        got = (failure.run["state"], failure.run["code"])
        wanted = ("failed", failure.code)
        expect(got == wanted, expected=f"{failure.what}: failed with {failure.code}", got=shown(failure.run))
        expect(not failure.more_keys, expected=f"nothing is left of {failure.what}", got=failure.more_keys)


@then("versions are made and deleted again")
def versions_are_made_and_deleted_again(vault: BucketVault) -> None:
    started_again(vault, {"KEEP_LAST": "1", "KEEP_DAILY": "0", "KEEP_WEEKLY": "0", "KEEP_MONTHLY": "0"})
    newest = vault.create()
    expect(
        ids(vault.versions()) == [newest], expected="one version, with KEEP_LAST=1", got=ids(vault.versions())
    )
    others = [key for key in vault.objects() if f"-{newest}/" not in key]
    expect(not others, expected="no object of another version", got=others)
