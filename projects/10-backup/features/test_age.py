"""Steps of age.feature: what is encrypted for somebody."""

import shutil
import subprocess

import pyrage  # type: ignore[import-untyped]  # its stubs are not marked as such
import pytest
from pyrage import x25519
from pytest_bdd import given, scenarios, then, when

from kata.steps import World, expect, is_problem

from .content import Content
from .test_failures import started_again
from .test_verification import cut, flip
from .test_versions import a_version_is_made
from .vault import CONFLICT, MANIFEST, Json, Vault, as_list, as_mapping, decompressed

scenarios("age.feature")

SUFFIX = ".dump.zst.age"

when("a version is made", target_fixture="made")(a_version_is_made)


@given("a backup service with a public key of age", target_fixture="vault")
def a_backup_service_with_a_public_key(
    world: World, identity: x25519.Identity, service_settings: dict[str, str]
) -> Vault:
    settings = {**service_settings, "AGE_RECIPIENT": str(identity.to_public())}
    return Vault(world.start_alone(settings), world.draw, settings, dump_suffix=SUFFIX)


@pytest.fixture
def identity() -> x25519.Identity:
    return x25519.Identity.generate()


def identity_file(identity: x25519.Identity) -> str:
    """Write what age-keygen writes."""
    return f"# created: 2026-01-02T03:04:05Z\n# public key: {identity.to_public()}\n{identity}\n"


def id_of(made: Json) -> str:
    return str(as_mapping(made["run"])["version_id"])


@then("it can be verified, and without its identity neither drilled nor restored")
def it_can_be_verified(world: World, vault: Vault, made: Json) -> None:
    version_id = id_of(made)
    names = [name for name in vault.files(version_id) if name != MANIFEST]
    expect(
        names == [vault.dump_of(version_id)], expected=f"one file, of {SUFFIX}, and the manifest", got=names
    )
    vault.succeeded(vault.begin(f"/versions/{version_id}/verify"))
    sequences = as_list(vault.source(version_id)["sequences"])
    expect(len(sequences) == 1, expected="the sequence of the table", got=sequences)
    vault.failed(vault.begin(f"/versions/{version_id}/drill"), "wrong_key")
    problem = is_problem(vault.ask("POST", "/restores", {"version_id": version_id}), CONFLICT)
    codes = [error["code"] for error in as_list(problem.get("errors"))]
    expect(codes == ["wrong_key"], expected="errors with wrong_key", got=codes)
    other = world.file("other", identity_file(x25519.Identity.generate()))
    started_again(vault, {"AGE_IDENTITY_FILE": other})
    for path, body in ((f"/versions/{version_id}/drill", None), ("/restores", {"version_id": version_id})):
        vault.failed(vault.begin(path, body), "wrong_key")
    verification = as_mapping(vault.version(version_id)["verification"])
    got = (verification["level"], verification["passed"])
    expect(got == ("checksum", True), expected="a version that is whole, whoever has no key", got=got)
    expect(not vault.databases(), expected="no database is left", got=sorted(vault.databases()))


def decrypted(encrypted: bytes, identity: x25519.Identity) -> bytes:
    """Do what `age -d` does, where there is none."""
    try:
        return bytes(pyrage.decrypt(encrypted, [identity]))
    except pyrage.DecryptError as error:
        expect(False, expected="what `age -d` takes", got=str(error))
        raise


@then("stock tools restore it with the identity")
def stock_tools_restore_it(
    world: World, vault: Vault, content: Content, made: Json, identity: x25519.Identity
) -> None:
    version_id = id_of(made)
    encrypted = vault.read(version_id, vault.dump_of(version_id))
    if age := shutil.which("age"):
        key = world.file("identity", identity_file(identity))
        done = subprocess.run([age, "-d", "-i", key], input=encrypted, capture_output=True, check=False)
        expect(done.returncode == 0, expected="age -d ends with 0", got=done.stderr.decode()[-300:])
        compressed = done.stdout
    else:
        compressed = decrypted(encrypted, identity)
    archive = decompressed(compressed)
    address, name = vault.service.postgres.address, f"age_{vault.database}"
    address.create_database(name, "template0")
    try:
        stock = address.run("pg_restore", "--exit-on-error", f"--dbname={name}", stdin=archive)
        expect(stock.returncode == 0, expected="pg_restore ends with 0", got=stock.stderr.decode()[-300:])
        rows = tuple(content.now(name))
        expect(
            rows == content.rows, expected=f"{len(content.rows)} rows as they were", got=f"{len(rows)} rows"
        )
    finally:
        vault.run("DROP DATABASE {}", name, database="postgres")


@then("damage has its code, and a service with the identity restores what is whole")
def damage_has_its_code(
    world: World, vault: Vault, content: Content, made: Json, identity: x25519.Identity
) -> None:
    started_again(vault, {"AGE_IDENTITY_FILE": world.file("identity", identity_file(identity))})
    code, damage = vault.draw.choice((("checksum", flip), ("truncated", cut)))
    damaged = vault.create()
    damage(vault, damaged)
    vault.failed(vault.begin(f"/versions/{damaged}/drill"), code)
    vault.run("DELETE FROM {}.items", content.schema)
    vault.restore(id_of(made))
    rows = tuple(content.now())
    expect(rows == content.rows, expected=f"{len(content.rows)} rows as they were", got=f"{len(rows)} rows")
