import threading
import time

import psycopg
import pytest

from backup.database import Server
from backup.errors import AuthenticationFailedError, ConnectionFailedError, SwapFailedError
from backup.swap import swap

CLIENTS = 8


def test_it_is_quick_while_clients_come_back_at_once(postgres_url: str) -> None:
    """To end the sessions first takes five seconds here, and fails then."""
    server = Server(postgres_url)
    other = f"{server.database}_other"
    server.create(other, None)
    over = threading.Event()

    def come_back() -> None:
        while not over.is_set():
            try:
                with psycopg.connect(postgres_url) as connection:
                    connection.execute("SELECT pg_sleep(0.001)")
            except psycopg.OperationalError:
                pass

    clients = [threading.Thread(target=come_back) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        time.sleep(0.1)
        seconds = swap(server, (server.database, f"{server.database}_former"), (other, server.database))
    finally:
        over.set()
        for client in clients:
            client.join()
    assert seconds < 2
    assert server.has(server.database)
    assert not server.has(other)


def test_no_name_changes_if_one_cannot(postgres_url: str) -> None:
    server = Server(postgres_url)
    with pytest.raises(SwapFailedError):
        swap(server, (server.database, f"{server.database}_former"), ("nowhere", server.database))
    assert server.has(server.database)
    assert not server.has(f"{server.database}_former")


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgresql://ann:wrong@{host}/{database}", AuthenticationFailedError),
        ("postgresql://postgres@{host}/nowhere", AuthenticationFailedError),
        ("postgresql://postgres:x@127.0.0.1:1/{database}", ConnectionFailedError),
        ("postgresql://postgres:x@nowhere.invalid/{database}", ConnectionFailedError),
    ],
)
def test_who_cannot_connect_is_told_why(postgres_url: str, url: str, wanted: type[Exception]) -> None:
    host, _, database = postgres_url.rpartition("@")[2].partition("/")
    server = Server(url.format(host=host, database=database))
    with pytest.raises(wanted), server.connect(server.database):
        pass
