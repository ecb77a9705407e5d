import errno
import hashlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kata.errors import LaunchError
from kata.fixtures import ProxyTo
from kata.network.fault_proxy import FaultProxy
from kata.network.faults import Mode

# How long a silence is listened to. A byte that wrongly came through would be there within a millisecond.
SILENCE_SECONDS = 0.15
PATIENCE_SECONDS = 10.0


class Upstream:
    """A server whose connections the test holds in its own hands."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.settimeout(PATIENCE_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = [self._listener]

    def accept(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE_SECONDS)
        self._open.append(connection)
        return connection

    def someone_is_waiting(self) -> bool:
        self._listener.settimeout(SILENCE_SECONDS)
        try:
            self.accept()
        except TimeoutError:
            return False
        finally:
            self._listener.settimeout(PATIENCE_SECONDS)
        return True

    def close(self) -> None:
        for sock in self._open:
            sock.close()


class EchoServer:
    """Returns what it gets, and its end, from a thread per connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(65_536):
                    connection.sendall(chunk)
            except OSError:
                pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.close()


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    server = EchoServer()
    yield server
    server.close()


@pytest.fixture
def proxy(upstream: Upstream, fault_proxy: ProxyTo) -> FaultProxy:
    return fault_proxy(upstream.port)


@pytest.fixture
def echo_proxy(echo: EchoServer, fault_proxy: ProxyTo) -> FaultProxy:
    return fault_proxy(echo.port)


def connect(proxy: FaultProxy) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_SECONDS)
    client.settimeout(PATIENCE_SECONDS)
    return client


def read_exactly(sock: socket.socket, n_bytes: int) -> bytes:
    data = b""
    while len(data) < n_bytes:
        chunk = sock.recv(n_bytes - len(data))
        assert chunk, f"the end came after {len(data)} of {n_bytes} bytes"
        data += chunk
    return data


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def is_silent(sock: socket.socket) -> bool:
    sock.settimeout(SILENCE_SECONDS)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    finally:
        sock.settimeout(PATIENCE_SECONDS)
    return False


def await_connections(proxy: FaultProxy, *, total: int | None = None, live: int = 0) -> None:
    """Wait until the proxy has accepted so many, and so many are left."""
    wanted = (proxy.connections if total is None else total, live)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (proxy.connections, proxy.live_connections) != wanted and time.monotonic() < deadline:
        time.sleep(0.002)
    assert (proxy.connections, proxy.live_connections) == wanted


def test_bytes_pass_unchanged_both_ways_and_are_counted(echo_proxy: FaultProxy) -> None:
    payload = os.urandom(3_000_000)
    with connect(echo_proxy) as client:
        sender = threading.Thread(target=client.sendall, args=(payload,))
        sender.start()
        answer = read_exactly(client, len(payload))
        sender.join()
    assert hashlib.sha256(answer).digest() == hashlib.sha256(payload).digest()
    assert echo_proxy.bytes_to_server == len(payload)
    assert echo_proxy.connections == 1


def test_a_half_closed_connection_still_carries_the_answer(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as client:
        server = upstream.accept()
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert read_exactly(server, 8) == b"question"
        assert server.recv(1) == b""
        server.sendall(b"answer")
        assert read_exactly(client, 6) == b"answer"
        server.close()
        assert client.recv(1) == b""
    await_connections(proxy)


def test_the_servers_end_leaves_the_clients_direction_open(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as client:
        server = upstream.accept()
        server.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        client.sendall(b"still here")
        assert read_exactly(server, 10) == b"still here"


def test_a_reset_by_the_server_reaches_the_client(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as client:
        server = upstream.accept()
        client.sendall(b"never read")
        server.recv(1)
        server.close()  # with unread bytes, which makes it a reset
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    await_connections(proxy)


def test_a_client_is_reset_when_the_upstream_refuses() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with FaultProxy("127.0.0.1", bound.getsockname()[1]) as proxy:
            # The reset may come before `connect` has looked at its result.
            with pytest.raises(ConnectionResetError), connect(proxy) as client:
                client.recv(1)
            await_connections(proxy)


def test_a_slow_reader_holds_the_sender_back_and_loses_nothing(proxy: FaultProxy, upstream: Upstream) -> None:
    payload = os.urandom(20_000_000)
    with connect(proxy) as client:
        server = upstream.accept()
        sender = threading.Thread(target=server.sendall, args=(payload,))
        sender.start()
        sender.join(SILENCE_SECONDS)
        assert sender.is_alive(), "20 MB were taken in though nobody reads them"
        answer = read_exactly(client, len(payload))
        sender.join()
    assert hashlib.sha256(answer).digest() == hashlib.sha256(payload).digest()


def test_a_delay_holds_each_direction_back(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as client, proxy.delay(0.1):
        server = upstream.accept()
        started = time.monotonic()
        client.sendall(b"x")
        server.recv(1)
        assert time.monotonic() - started >= 0.1
        turned = time.monotonic()
        server.sendall(b"y")
        client.recv(1)
        assert time.monotonic() - turned >= 0.1


def test_a_delay_keeps_the_order_and_the_end_comes_last(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as client, proxy.delay(0.1):
        server = upstream.accept()
        for number in range(200):
            client.sendall(number.to_bytes(2))
        client.shutdown(socket.SHUT_WR)
        assert read_exactly(server, 400) == b"".join(number.to_bytes(2) for number in range(200))
        assert server.recv(1) == b""


def test_a_delay_does_not_limit_bandwidth(proxy: FaultProxy, upstream: Upstream) -> None:
    """If its chunks of at most 64 KiB waited for one another, this would take 24 s, and patience ends."""
    payload = os.urandom(8_000_000)
    with connect(proxy) as client, proxy.delay(0.2):
        server = upstream.accept()
        sender = threading.Thread(target=client.sendall, args=(payload,))
        sender.start()
        assert read_exactly(server, len(payload)) == payload
        sender.join()


def test_bytes_that_follow_a_delay_do_not_overtake(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as client:
        server = upstream.accept()
        with proxy.delay(60.0):
            client.sendall(b"first")
            assert is_silent(server)
        client.sendall(b"second")
        assert read_exactly(server, 11) == b"firstsecond"


def test_a_shorter_delay_does_not_let_later_bytes_overtake(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as client:
        server = upstream.accept()
        proxy.delay(0.3)
        started = time.monotonic()
        client.sendall(b"first")
        assert is_silent(server)
        proxy.delay(0.0)
        client.sendall(b"second")
        assert read_exactly(server, 11) == b"firstsecond"
        assert time.monotonic() - started >= 0.3


def test_a_trickle_hands_an_answer_on_byte_by_byte_and_its_end_last(
    proxy: FaultProxy, upstream: Upstream
) -> None:
    with connect(proxy) as client, proxy.trickle(0.05):
        server = upstream.accept()
        client.sendall(b"question")
        assert read_exactly(server, 8) == b"question"
        answered = time.monotonic()
        server.sendall(b"answer")
        server.shutdown(socket.SHUT_WR)
        assert [client.recv(64) for _ in range(6)] == [b"a", b"n", b"s", b"w", b"e", b"r"]
        assert client.recv(1) == b""
        assert time.monotonic() - answered >= 7 * 0.05


def test_what_still_trickles_comes_at_once_when_the_proxy_passes_through(
    proxy: FaultProxy, upstream: Upstream
) -> None:
    with connect(proxy) as client:
        server = upstream.accept()
        with proxy.trickle(60.0):
            server.sendall(b"answer")
            assert is_silent(client)
        assert read_exactly(client, 6) == b"answer"


def test_a_cut_refuses_new_connections_and_resets_live_ones(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as client:
        server = upstream.accept()
        proxy.cut()
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        for side in (client, server):
            with pytest.raises(ConnectionResetError):
                side.recv(1)
    assert proxy.live_connections == 0


def test_a_cut_keeps_the_port_from_others_and_pass_through_takes_it_back(echo_proxy: FaultProxy) -> None:
    port = echo_proxy.port
    for _ in range(20):
        with echo_proxy.cut():
            assert echo_proxy.mode is Mode.CUT
            with socket.socket() as thief, pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
                thief.bind(("127.0.0.1", port))
            with pytest.raises(ConnectionRefusedError):
                connect(echo_proxy)
        with connect(echo_proxy) as client:
            client.sendall(b"back")
            assert read_exactly(client, 4) == b"back"
    assert echo_proxy.port == port


def test_a_cut_may_come_while_clients_are_connecting(echo_proxy: FaultProxy) -> None:
    enough = threading.Event()

    def keep_connecting() -> None:
        while not enough.is_set():
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", echo_proxy.port), PATIENCE_SECONDS).close()

    clients = [threading.Thread(target=keep_connecting) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        for _ in range(300):
            echo_proxy.cut()
            echo_proxy.pass_through()
    finally:
        enough.set()
        for client in clients:
            client.join()
    with connect(echo_proxy) as sock:
        sock.sendall(b"still here")
        assert read_exactly(sock, 10) == b"still here"


def test_a_black_hole_accepts_and_never_answers(proxy: FaultProxy, upstream: Upstream) -> None:
    proxy.black_hole()
    with connect(proxy) as client:
        client.sendall(b"hello?" * 10_000)
        assert is_silent(client)
        assert not upstream.someone_is_waiting()
        await_connections(proxy, total=1, live=1)
    assert proxy.bytes_to_server == 0


def test_a_black_hole_silences_live_connections_in_both_directions(
    proxy: FaultProxy, upstream: Upstream
) -> None:
    with connect(proxy) as client:
        server = upstream.accept()
        proxy.black_hole()
        client.sendall(b"swallowed")
        server.sendall(b"swallowed")
        assert is_silent(server)
        assert is_silent(client)


def test_a_black_hole_hides_ends_and_resets(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as client, connect(proxy) as other:
        server, other_server = upstream.accept(), upstream.accept()
        proxy.black_hole()
        server.close()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.close()  # with a reset
        assert is_silent(client)
        assert is_silent(other_server)


def test_a_connection_that_lost_bytes_is_reset_when_the_black_hole_ends(
    proxy: FaultProxy, upstream: Upstream
) -> None:
    with connect(proxy) as client:
        server = upstream.accept()
        with proxy.black_hole():
            client.sendall(b"GET a")
            assert is_silent(server)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        with pytest.raises(ConnectionResetError):
            server.recv(1)


def test_a_connection_that_lost_nothing_survives_the_black_hole(
    proxy: FaultProxy, upstream: Upstream
) -> None:
    with connect(proxy) as old:
        server = upstream.accept()
        with proxy.black_hole():
            new = connect(proxy)
            assert is_silent(new)
        with new:
            new_server = upstream.accept()
            for client, end in ((old, server), (new, new_server)):
                client.sendall(b"hello")
                assert read_exactly(end, 5) == b"hello"


def test_a_client_that_gives_up_in_a_black_hole_leaves_nothing_behind(proxy: FaultProxy) -> None:
    proxy.black_hole()
    for _ in range(20):
        with connect(proxy) as client:
            client.sendall(b"hello?")
    await_connections(proxy, total=20, live=0)


def test_reset_after_forwards_exactly_the_first_bytes(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as live:
        live_server = upstream.accept()
        live.sendall(b"earlier bytes do not count")
        read_exactly(live_server, 26)
        proxy.reset_after(5)
        with connect(proxy) as new:
            new_server = upstream.accept()
            for client, server in ((live, live_server), (new, new_server)):
                client.sendall(b"123")
                assert read_exactly(server, 3) == b"123"
                server.sendall(b"go on")
                assert read_exactly(client, 5) == b"go on"
                client.sendall(b"4567")
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
                assert read_exactly(server, 2) == b"45"
                with pytest.raises(ConnectionResetError):
                    server.recv(1)
    assert proxy.live_connections == 0


def test_an_answer_to_the_last_byte_never_gets_through_a_reset(echo_proxy: FaultProxy) -> None:
    echo_proxy.reset_after(4)
    for _ in range(200):
        with connect(echo_proxy) as client:
            client.sendall(b"ping")
            with pytest.raises(ConnectionResetError):
                client.recv(1)


def test_a_large_prefix_arrives_whole_before_the_reset(proxy: FaultProxy, upstream: Upstream) -> None:
    payload = os.urandom(6_000_000)
    proxy.reset_after(5_000_000)
    with connect(proxy) as client:
        server = upstream.accept()

        def send() -> None:
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                client.sendall(payload + payload)

        sender = threading.Thread(target=send)
        sender.start()
        assert read_exactly(server, 5_000_000) == payload[:5_000_000]
        with pytest.raises(ConnectionResetError):
            server.recv(1)
        sender.join()
    assert proxy.bytes_to_server == 5_000_000


def test_reset_after_nothing_resets_at_once(proxy: FaultProxy, upstream: Upstream) -> None:
    with connect(proxy) as live:
        upstream.accept()
        proxy.reset_after(0)
        with pytest.raises(ConnectionResetError):
            live.recv(1)
        with pytest.raises(ConnectionResetError), connect(proxy) as new:
            new.recv(1)


def test_leaving_the_mode_takes_the_budget_back(echo_proxy: FaultProxy) -> None:
    with connect(echo_proxy) as client:
        with echo_proxy.reset_after(5):
            client.sendall(b"1234")
            assert read_exactly(client, 4) == b"1234"
        client.sendall(b"56789")
        assert read_exactly(client, 5) == b"56789"


def test_each_mode_gives_way_to_the_next_and_the_context_restores_passing(echo_proxy: FaultProxy) -> None:
    with echo_proxy.cut(), echo_proxy.black_hole(), echo_proxy.delay(0.01):
        with connect(echo_proxy) as client:
            client.sendall(b"slow")
            assert read_exactly(client, 4) == b"slow"
        modes = [echo_proxy.mode]
    modes.append(echo_proxy.mode)
    assert modes == [Mode.DELAY, Mode.PASS]


def test_thousands_of_short_connections_leave_no_socket_behind(echo_proxy: FaultProxy) -> None:
    descriptors = open_descriptors()
    for _ in range(2_000):
        with connect(echo_proxy) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
    await_connections(echo_proxy, total=2_000, live=0)
    # The echo server's own last connections may be closing still.
    assert open_descriptors() <= descriptors + 20


def test_an_idle_proxy_uses_no_processor_time(echo_proxy: FaultProxy) -> None:
    """A busy loop would use what passes by, less the share of other processes; an idle one almost none."""
    with connect(echo_proxy) as client:
        client.sendall(b"x")
        client.recv(1)
        for enter in (echo_proxy.pass_through, lambda: echo_proxy.delay(30.0), echo_proxy.black_hole):
            enter()
            client.sendall(b"x")
            started = time.process_time()
            time.sleep(0.3)
            assert time.process_time() - started < 0.03


def test_stop_resets_connections_and_frees_the_port_and_the_thread(upstream: Upstream) -> None:
    descriptors, threads = open_descriptors(), set(threading.enumerate())
    proxy = FaultProxy("127.0.0.1", upstream.port)
    proxy.start()
    port = proxy.port
    client = connect(proxy)
    server = upstream.accept()
    proxy.stop()
    proxy.stop()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    client.close()
    server.close()
    assert set(threading.enumerate()) <= threads
    assert open_descriptors() <= descriptors
    with socket.socket() as successor:
        successor.bind(("127.0.0.1", port))


def test_a_context_that_outlives_the_proxy_ends_quietly(echo: EchoServer) -> None:
    proxy = FaultProxy("127.0.0.1", echo.port)
    proxy.start()
    with proxy.cut():
        proxy.stop()


def test_the_wanted_port_is_used_and_a_taken_one_is_reported(echo: EchoServer) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with FaultProxy("127.0.0.1", echo.port, port=port) as proxy:
        assert proxy.port == port
        with pytest.raises(LaunchError, match=f"127.0.0.1:{port}.*in use"):
            FaultProxy("127.0.0.1", echo.port, port=port).start()


def test_a_proxy_that_is_not_started_says_so(echo: EchoServer) -> None:
    proxy = FaultProxy("127.0.0.1", echo.port)
    with pytest.raises(LaunchError, match="not started"):
        proxy.cut()
    with pytest.raises(LaunchError, match="not started"):
        _ = proxy.port
