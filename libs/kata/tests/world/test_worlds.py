import os
import smtplib
import time
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis

from kata.catalog.projects import Project
from kata.errors import TargetError
from kata.judge.verdicts import NotRunError
from kata.network.exchange import Request
from kata.solution.procfile_target import ProcfileInstance, ProcfileTarget, process_environment
from kata.world.attached import AttachedWorld
from kata.world.draw import Draw
from kata.world.logs import output_after
from kata.world.owned import OwnedWorld

type Solution = Callable[[*tuple[tuple[str, str], ...]], Path]

SETTINGS = {"LARGEST": "9", "KEEP_MILLISECONDS": "9"}
OTHER = {**SETTINGS, "LARGEST": "99"}


class Remembering(ProcfileTarget):
    """A target that remembers what it started."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.started: list[ProcfileInstance] = []

    def start(self, process_type: str, env: Mapping[str, str]) -> ProcfileInstance:
        instance = super().start(process_type, env)
        self.started.append(instance)
        return instance


@pytest.fixture
def world(doubler: Project) -> Iterator[OwnedWorld]:
    world = OwnedWorld(ProcfileTarget(doubler.path), (), Draw("5eed"))
    yield world
    world.close()


@pytest.fixture
def attached(world: OwnedWorld) -> Iterator[AttachedWorld]:
    """A world that has nothing but the address of a doubler."""
    attached = AttachedWorld(world.start(SETTINGS).urls[0] + "/", SETTINGS, Draw("5eed"))
    yield attached
    attached.close()


def test_the_databases_of_redis_have_two_digits_and_one_in_turn(doubler: Project) -> None:
    world = OwnedWorld(ProcfileTarget(doubler.path), {"redis"}, Draw("5eed"))
    urls = [world.start_alone(SETTINGS).redis.url for _ in range(4)]
    world.close()
    assert [len(urlsplit(url).path) - 1 for url in urls] == [2, 1, 2, 1]


def test_checks_that_ask_for_the_same_settings_share_a_service(world: OwnedWorld) -> None:
    first = world.start(SETTINGS)
    world.end()
    again = world.start(dict(reversed(SETTINGS.items())))
    assert again is first
    assert world.start(OTHER) is not first


def test_nothing_that_a_solution_is_given_names_the_verifier(doubler: Project) -> None:
    world = OwnedWorld(ProcfileTarget(doubler.path), ("redis", "postgres"), Draw("5eed"))
    service = world.start({**SETTINGS, "RULES_FILE": world.file("rules.toml", "")})
    given = process_environment(service.environment, port=1)
    drawn = {name: value for name, value in given.items() if name not in os.environ or name == "TMPDIR"}
    with service.postgres.connect() as connection:
        drawn["cluster_name"] = str(connection.execute("SHOW cluster_name").fetchone())
    world.close()
    assert {"DATABASE_URL", "REDIS_URL", "RULES_FILE", "PORT"} <= drawn.keys()
    assert [value for value in (*drawn, *drawn.values()) if "kata" in value.lower()] == []


def test_a_shared_service_has_the_workers_that_were_asked_for(solution: Solution) -> None:
    folder = solution()
    (folder / "Procfile").write_text("web: exec python app.py\nworker: exec sleep 600\n")
    world = OwnedWorld(ProcfileTarget(folder), (), Draw("5eed"))
    with_workers = world.start(SETTINGS, workers=2)
    assert [worker.alive for worker in with_workers.workers] == [True, True]
    assert world.start(SETTINGS, workers=2) is with_workers
    assert world.start(SETTINGS).workers == []
    world.close()
    assert [worker.alive for worker in with_workers.workers] == [False, False]


def test_the_callback_server_is_one_for_the_whole_run_and_ends_with_it(doubler: Project) -> None:
    world = OwnedWorld(ProcfileTarget(doubler.path), (), Draw("5eed"))
    url = world.callback_server().url("/hook")
    assert httpx.post(url, trust_env=False).status_code == 204
    world.end()
    assert [request.method for request in world.callback_server().received("/hook")] == ["POST"]
    world.close()
    with pytest.raises(httpx.ConnectError):
        httpx.post(url, trust_env=False)


def test_a_service_has_the_settings_that_were_asked_for(world: OwnedWorld) -> None:
    client = world.start(SETTINGS).client()
    assert [client.get(f"/api/v1/double/{number}").status for number in (9, 10)] == [200, 422]


def test_what_a_check_had_for_itself_ends_with_it(world: OwnedWorld) -> None:
    shared, own = world.start(SETTINGS), world.start_alone(SETTINGS)
    assert own is not shared
    world.end()
    assert (shared.web.alive, own.web.alive) == (True, False)


def test_a_shared_service_that_a_check_broke_is_replaced(world: OwnedWorld) -> None:
    broken = world.start(SETTINGS)
    broken.web.kill()
    world.end()
    assert world.start(SETTINGS).client().get("/health").status == 200


def test_a_shared_service_stays_where_what_a_check_killed_was_replaced(solution: Solution) -> None:
    folder = solution()
    (folder / "Procfile").write_text("web: exec python app.py\nworker: exec sleep 600\n")
    world = OwnedWorld(ProcfileTarget(folder), (), Draw("5eed"))
    service = world.start(SETTINGS, workers=2)
    killed, other = service.workers
    killed.kill()
    service.replace(killed)
    world.end()
    assert world.start(SETTINGS, workers=2) is service
    assert service.workers[0] is other
    assert [worker.alive for worker in service.workers] == [True, True]
    world.close()


def test_a_paused_service_can_be_closed(world: OwnedWorld) -> None:
    own = world.start_alone(SETTINGS)
    own.web.pause()
    world.end()
    assert not own.web.alive


def test_another_process_of_a_service_has_an_address_of_its_own(world: OwnedWorld) -> None:
    service = world.start_alone(SETTINGS)
    service.add("web", OTHER)
    assert [service.client(process=number).get("/health").status for number in (0, 1)] == [200, 200]
    assert len(set(service.urls)) == len(service.webs) == 2
    assert service.workers == []


def test_the_output_of_a_service_has_the_lines_of_all_its_web_processes(world: OwnedWorld) -> None:
    service = world.start_alone(SETTINGS)
    service.add("web")
    answers = [service.client(process=number).get("/health") for number in (0, 1)]
    for answer in answers:
        request_id = answer.header("x-request-id")
        assert request_id is not None
        assert any(request_id in line for line in output_after(service, answer))


def test_a_burst_goes_to_the_process_that_is_named(world: OwnedWorld) -> None:
    service = world.start_alone(SETTINGS)
    service.add("web")
    requests = [Request("GET", "/api/v1/double/4")] * 3
    assert [exchange.status for exchange in service.burst(requests, process=1)] == [200, 200, 200]
    assert [exchange.status for exchange in service.client().exchanges] == []


def test_a_process_that_is_to_refuse_its_start_is_not_waited_for(world: OwnedWorld) -> None:
    instance = world.start_unready({"LARGEST": "none"})
    deadline = time.monotonic() + 30
    while instance.alive and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (instance.exit_code, instance.output()) == (
        1,
        ["LARGEST must be a whole number from 1, and is 'none'"],
    )
    assert world.died() == []


def test_a_service_that_does_not_start_leaves_no_process_behind(solution: Solution) -> None:
    target = Remembering(solution(("    server.serve_forever()", "    time.sleep(600)")))
    world = OwnedWorld(target, (), Draw("5eed"), start_timeout_seconds=0.3)
    with pytest.raises(TargetError, match=r"did not answer GET /ready with 200 within 0\.3 s"):
        world.start(SETTINGS)
    assert [instance.alive for instance in target.started] == [False]
    world.close()


def test_a_setting_is_the_same_for_all_checks_of_a_run(world: OwnedWorld, doubler: Project) -> None:
    drawn = world.setting("LARGEST", 1, 1000, away_from=[500])
    world.begin("C7", 1)
    world.draw.word()
    other = OwnedWorld(ProcfileTarget(doubler.path), (), Draw("0bad"))
    assert world.setting("LARGEST", 1, 1000, away_from=[500]) == drawn
    assert other.setting("LARGEST", 1, 1000, away_from=[500]) != drawn
    other.close()


def test_a_check_draws_the_same_whatever_ran_before_and_another_when_it_is_tried_again(
    world: OwnedWorld,
) -> None:
    words = []
    for check, attempt in [("C1", 1), ("C2", 1), ("C1", 1), ("C1", 2)]:
        world.begin(check, attempt)
        words.append(world.draw.word())
    assert words[0] == words[2]
    assert len(set(words)) == 3


def test_a_file_for_the_solution_lives_as_long_as_the_world(doubler: Project) -> None:
    world = OwnedWorld(ProcfileTarget(doubler.path), (), Draw("5eed"))
    path = Path(world.file("policies.toml", "limit = 1"))
    assert (path.read_text(), path.suffix) == ("limit = 1", ".toml")
    assert world.file("policies.toml", "limit = 2") != str(path)
    world.close()
    assert not path.exists()


def test_a_folder_is_the_same_for_all_who_name_it(doubler: Project) -> None:
    world = OwnedWorld(ProcfileTarget(doubler.path), (), Draw("5eed"))
    folder = world.folder("logs")
    assert folder.is_dir()
    assert world.folder("logs") == folder != world.folder("others")
    world.close()
    assert not folder.exists()


def test_a_project_without_servers_has_none(world: OwnedWorld) -> None:
    service = world.start(SETTINGS)
    with pytest.raises(NotRunError, match=r"^the project has no Redis$"):
        _ = service.redis
    with pytest.raises(NotRunError, match=r"^the project has no PostgreSQL$"):
        _ = service.postgres
    with pytest.raises(NotRunError, match=r"^the project sends no mail$"):
        _ = service.mail


def test_a_wait_ends_at_its_moment(world: OwnedWorld) -> None:
    moment = time.monotonic() + 0.05
    world.sleep_until(moment)
    assert time.monotonic() >= moment
    world.sleep_until(moment)  # it is over


def test_a_very_long_wait_is_not_run(world: OwnedWorld) -> None:
    with pytest.raises(NotRunError, match=r"^it would wait 60 s; give the service shorter times"):
        world.sleep_until(time.monotonic() + 60)


def test_each_service_reaches_a_redis_of_its_own_through_a_proxy(doubler: Project) -> None:
    world = OwnedWorld(ProcfileTarget(doubler.path), ["redis"], Draw("5eed"))
    first, second = world.start_alone(SETTINGS).redis, world.start_alone(SETTINGS).redis
    solution = redis.Redis.from_url(first.url, decode_responses=True)
    solution.set("key", "value")
    assert (first.client.get("key"), second.client.get("key")) == ("value", None)
    first.proxy.cut()
    with pytest.raises(redis.ConnectionError):
        solution.get("key")
    assert first.client.get("key") == "value"
    solution.close()
    world.close()
    assert not first.server.alive


def test_each_service_reaches_a_database_of_its_own_through_a_proxy(doubler: Project) -> None:
    world = OwnedWorld(ProcfileTarget(doubler.path), ["postgres"], Draw("5eed"))
    first, second = world.start(SETTINGS).postgres, world.start(OTHER).postgres
    assert first.database != second.database
    with psycopg.connect(first.url, autocommit=True) as solution:
        solution.execute("CREATE TABLE numbers (number integer)")
        with first.connect() as own:
            assert own.execute("SELECT count(*) FROM numbers").fetchone() == (0,)
        with second.connect() as other:
            assert other.execute("SELECT to_regclass('numbers')").fetchone() == (None,)
        first.proxy.cut()
        with pytest.raises(psycopg.OperationalError):
            solution.execute("SELECT 1")
    world.close()


def test_the_processes_of_a_service_share_a_folder_that_outlives_them(doubler: Project) -> None:
    world = OwnedWorld(ProcfileTarget(doubler.path), ["files"], Draw("5eed"))
    first, second = (world.start_alone(SETTINGS) for _ in range(2))
    folder = first.data_folder
    assert str(folder) == first.environment["DATA_DIR"]
    (folder / "kept").write_text("1")
    first.web.kill()
    first.web.restart()
    assert (folder / "kept").read_text() == "1"
    assert list(second.data_folder.iterdir()) == []
    world.close()
    assert not folder.exists()


def test_each_service_reaches_a_mail_server_of_its_own_through_a_proxy(doubler: Project) -> None:
    world = OwnedWorld(ProcfileTarget(doubler.path), ("smtp",), Draw("5eed"))
    service, other = world.start(SETTINGS), world.start(OTHER)
    address = urlsplit(service.environment["SMTP_URL"])
    message = EmailMessage()
    message["From"], message["To"] = "a@example.net", "ann@example.net"
    with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=10) as client:
        client.send_message(message)
    assert len(service.mail.server.received("ann@example.net")) == 1
    assert other.mail.server.received("ann@example.net") == []
    with service.mail.proxy.cut(), pytest.raises(OSError, match="refused"):
        smtplib.SMTP(address.hostname or "", address.port or 0, timeout=10)
    world.close()


def test_an_attached_service_is_asked_at_its_address(attached: AttachedWorld) -> None:
    service = attached.start(SETTINGS)
    assert service.client().get("/health").status == 200
    assert [exchange.status for exchange in service.burst([Request("GET", "/health")])] == [200]
    assert attached.reach().status == 200


def test_the_end_of_a_check_leaves_an_attached_service_running(
    attached: AttachedWorld, world: OwnedWorld
) -> None:
    attached.begin("C1", 1)
    attached.end()
    attached.close()
    assert httpx.get(f"{world.start(SETTINGS).urls[0]}/health", trust_env=False).status_code == 200
    assert (attached.died(), attached.died_shared()) == ([], [])


def test_an_attached_service_has_the_settings_that_it_is_said_to_have(attached: AttachedWorld) -> None:
    assert attached.setting("LARGEST", 100, 200) == 9
    assert attached.text_setting("LARGEST", "drawn") == "9"
    assert attached.text_setting("UNKNOWN", "drawn") == "drawn"
    assert 100 <= attached.setting("UNKNOWN", 100, 200) <= 200


def test_what_a_check_asked_for_is_shown_without_addresses_and_secrets(world: OwnedWorld) -> None:
    hidden = {"PORT": "80", "DATABASE_URL": "x", "REDIS_URL": "x", "SIGNING_SECRET": "x", "API_KEY": "x"}
    world.start(SETTINGS | hidden)
    assert world.shown_settings == SETTINGS
    world.start_alone(OTHER)
    assert world.shown_settings == OTHER
    world.begin("C2", 1)
    assert world.shown_settings == {}


def test_an_attached_service_shows_what_it_is_said_to_have(attached: AttachedWorld) -> None:
    attached.begin("C1", 1)
    assert attached.shown_settings == {}
    attached.start({"LARGEST": "9"})
    assert attached.shown_settings == {"LARGEST": "9"}


NOT_A_NUMBER = "it needs a whole number for LARGEST, and --set says many"
WITHOUT_PROCESS = "it needs a process of its own, and --url has only an address"


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda world: world.start_alone(SETTINGS), WITHOUT_PROCESS),
        (lambda world: world.start_unready(SETTINGS), WITHOUT_PROCESS),
        (lambda world: world.start(OTHER), "it needs LARGEST=99, and the service has 9"),
        (
            lambda world: world.start({"MODE": "open"}),
            "it needs MODE=open, and the service has no known value",
        ),
        (lambda world: world.start(SETTINGS).web, "it needs the process, and --url has only its address"),
        (
            lambda world: world.start(SETTINGS).workers,
            "it needs the worker processes, and --url has only an address",
        ),
        (
            lambda world: world.callback_server(),
            "it needs to be called by the service, and --url has no address for that",
        ),
        (
            lambda world: world.start(SETTINGS).redis,
            "it needs the service's Redis, and --url has only its address",
        ),
        (
            lambda world: world.start(SETTINGS).postgres,
            "it needs the service's PostgreSQL, and --url has only its address",
        ),
        (
            lambda world: world.start(SETTINGS).mail,
            "it needs the service's mail server, and --url has only its address",
        ),
        (
            lambda world: world.start(SETTINGS).client(process=1),
            "it needs several web processes, and --url has only one address",
        ),
        (
            lambda world: world.start(SETTINGS).burst([], process=1),
            "it needs several web processes, and --url has only one address",
        ),
        (
            lambda world: world.start(SETTINGS).add("worker"),
            "it needs another worker process, and --url has only one address",
        ),
        (
            lambda world: world.file("policies.toml", ""),
            "it needs a file of the verifier's, and --url has only an address",
        ),
    ],
)
def test_what_an_address_can_t_give_is_not_run(
    attached: AttachedWorld, ask: Callable[[AttachedWorld], object], reason: str
) -> None:
    with pytest.raises(NotRunError) as refused:
        ask(attached)
    assert str(refused.value) == reason


def test_a_setting_that_is_no_number_is_not_run() -> None:
    attached = AttachedWorld("http://127.0.0.1:9", {"LARGEST": "many"}, Draw("5eed"))
    with pytest.raises(NotRunError, match=f"^{NOT_A_NUMBER}$"):
        attached.setting("LARGEST", 1, 9)
