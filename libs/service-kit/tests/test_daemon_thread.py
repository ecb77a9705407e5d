import asyncio
import subprocess
import sys
import threading

import pytest

from service_kit.daemon_thread import on_daemon_thread


def test_the_result_and_the_error_come_back() -> None:
    assert on_daemon_thread(lambda: threading.current_thread().name, "look-up").result(10) == "look-up"
    with pytest.raises(ZeroDivisionError):
        on_daemon_thread(lambda: 1 // 0, "look-up").result(10)


@pytest.mark.anyio
async def test_a_coroutine_that_waits_for_one_can_be_cancelled() -> None:
    released = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.wrap_future(on_daemon_thread(released.wait, "hangs"))
    released.set()


def test_a_process_does_not_wait_for_one_at_its_end() -> None:
    code = (
        "import threading; from service_kit.daemon_thread import on_daemon_thread as begin;"
        " begin(threading.Event().wait, 'hangs')"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == 0
