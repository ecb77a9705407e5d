import socket
import subprocess
import sys

from kata.system import ports
from kata.system.ports import HOST, free_port

PRINT = "from kata.system.ports import free_port; print(*(free_port() for _ in range(200)))"


def test_a_port_in_use_is_not_given() -> None:
    with socket.create_server((HOST, free_port())) as server:
        taken = server.getsockname()[1]
        assert taken not in {free_port() for _ in range(200)}


def test_of_ports_in_a_row_some_have_four_digits_and_some_five() -> None:
    lengths = {len(str(free_port())) for _ in range(6)}
    assert lengths == {4, 5}


def test_two_processes_never_share_a_port() -> None:
    waits = f"{PRINT}; import sys; sys.stdout.flush(); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        ours = {free_port() for _ in range(200)}
        other.communicate()
    assert len(ours) > 10
    assert len(theirs) > 10
    assert ours & theirs == set()


def test_the_ports_of_a_process_are_free_for_others_when_it_has_ended() -> None:
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True, check=True)
        # A block of each range, but for what somebody else listens on.
        assert 90 < len(set(done.stdout.split())) <= 100


def test_a_block_that_another_process_holds_is_left_to_it() -> None:
    first = ports._RANGES[0][0]  # noqa: SLF001 - by chance two processes seldom ask for the same
    asks = f"from kata.system import ports; print(ports._lock({first}), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", asks], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = other.stdout.readline().strip() == "True"
        ours = ports._lock(first)  # noqa: SLF001
        other.communicate("\n")
    assert not (theirs and ours)
