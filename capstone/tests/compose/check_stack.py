"""What compose.yaml promises beyond the contract: who reaches what, and as whom each process asks."""

import os
from http import HTTPStatus

import httpx
import pytest

from .outside import HOST, HTTPS, compose, operator, port_of, settle, world

PRIVATE = [
    "/metrics",
    "/METRICS",
    "/%6detrics",
    "//metrics",
    "/x/../metrics",
    "/metrics?from=outside",
    "/api/v1/admin/accounts",
    "/api/v1/x/../admin/accounts",
    "/api/v1//admin/accounts",
    "/api/v1%2fadmin/accounts",
    "/api/v1/Admin/flags/publish",
]


def test_somebody_is_let_in_by_tls() -> None:
    home = settle("ada")
    with world() as outside:
        assert outside.get(home.path, headers=home.headers).status_code == HTTPStatus.OK


def test_what_is_downloaded_has_another_host_with_a_certificate_of_its_own() -> None:
    with world() as outside:
        answer = outside.get(
            "/api/v1/audit/key", headers={"Host": "files.localhost:8443"}, extensions={"sni_hostname": HOST}
        )
        assert answer.status_code == HTTPStatus.NOT_FOUND


def test_who_does_not_know_the_authority_does_not_believe_the_proxy() -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://{HOST}:{port_of(HTTPS)}/health", trust_env=False)


def test_what_is_the_operators_is_there_at_the_operators_door_alone() -> None:
    with world() as outside, operator() as door:
        assert door.get("/metrics").status_code == HTTPStatus.OK
        for method in ("GET", "POST", "PUT"):
            for path in PRIVATE:
                url = httpx.URL(outside.base_url, raw_path=path.encode())
                answer = outside.request(method, url, headers=door.headers)
                assert answer.status_code == HTTPStatus.NOT_FOUND, path
                assert "http_requests_total" not in answer.text, path


def test_a_forged_address_is_no_other_one() -> None:
    """As many attempts as an address has, from as many addresses as a client makes up."""
    account = {"email": "nobody@example.com", "password": "a guess"}
    with world() as outside:
        for number in range(3):
            outside.post("/api/v1/auth/login", json=account, headers={"X-Forwarded-For": f"192.0.2.{number}"})
    kept = compose("exec", "-T", "redis", "redis-cli", "--scan", "--pattern", "*attempts*")
    assert kept
    assert "192.0.2." not in kept


@pytest.mark.parametrize("login", ["app", "worker"])
def test_a_process_has_a_login_that_owns_nothing_and_passes_over_no_policy(login: str) -> None:
    asked = """
        SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
               EXISTS (SELECT FROM pg_class WHERE relowner = r.oid),
               EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid),
               has_schema_privilege('public', 'CREATE'), has_database_privilege(current_database(), 'TEMP')
        FROM pg_roles r WHERE rolname = session_user"""
    assert psql(login, asked) == "|".join("f" * 9)
    assert psql(login, "SELECT count(*) FROM projects") == "0"
    assert psql(login, "SELECT name FROM environment") == os.environ["ENVIRONMENT"]


@pytest.mark.parametrize(
    "statement",
    [
        "SET ROLE capstone_owner",
        "SET ROLE capstone_backup",
        "DELETE FROM audit_entries",
        "UPDATE environment SET name = 'staging'",
        "ALTER TABLE projects NO FORCE ROW LEVEL SECURITY",
        "TRUNCATE procrastinate_jobs",
    ],
)
def test_what_a_process_may_not_do_is_refused(statement: str) -> None:
    for login in ("app", "worker"):
        with pytest.raises(AssertionError, match=r"permission denied|must be owner"):
            psql(login, statement)


def test_the_login_of_backups_reads_all_that_there_is() -> None:
    home = settle("eve")
    with world() as outside:
        made = outside.post(f"{home.path}/projects", json={"name": "Kept safe"}, headers=home.headers)
        assert made.status_code == HTTPStatus.CREATED
    dump = inside("backup", "pg_dump", "--dbname=capstone")
    assert "Kept safe" in dump
    with pytest.raises(AssertionError, match="permission denied"):
        psql("backup", "DELETE FROM projects")


def inside(login: str, program: str, *arguments: str) -> str:
    """Run a program of PostgreSQL beside the server, with a login's own password."""
    password = os.environ[f"{login.upper()}_PASSWORD"]
    command = [program, "--host=127.0.0.1", f"--username=capstone_{login}", "--no-password", *arguments]
    return compose("exec", "-T", "--env", "PGPASSWORD", "postgres", *command, PGPASSWORD=password)


def psql(login: str, statement: str) -> str:
    options = ("--no-psqlrc", "--tuples-only", "--no-align", "--dbname=capstone")
    return inside(login, "psql", *options, f"--command={statement}")
