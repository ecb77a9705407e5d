"""Who has used the processors, seen on real processes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from kata.system.usage import Usage

SPINS = "import time\nwhile time.process_time() < 0.4: pass\n"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it needs /proc")


def now() -> Usage:
    usage = Usage.now()
    assert usage is not None
    return usage


def test_what_a_child_uses_is_ours() -> None:
    before = now()
    subprocess.run([sys.executable, "-c", SPINS], check=True)
    after = now()
    assert after.own_seconds - before.own_seconds >= 0.35
    assert after.all_seconds - before.all_seconds >= 0.35


def test_what_nobody_here_has_started_is_not(tmp_path: Path) -> None:
    done = tmp_path / "done"
    line = f'setsid sh -c \'{sys.executable} -c "$0"; touch {done}\' "$1" >/dev/null 2>&1 &'
    before = now()
    subprocess.run(["sh", "-c", line, "sh", SPINS], check=True)
    deadline = time.monotonic() + 30
    while not done.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    after = now()
    others = (after.all_seconds - before.all_seconds) - (after.own_seconds - before.own_seconds)
    assert others >= 0.35
    assert after.share_of_others(before) > 0
