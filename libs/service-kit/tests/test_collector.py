import subprocess
import sys

COUNTED = """
import gc
from service_kit import collector

before = gc.get_freeze_count()
with collector.paused():
    assert not gc.isenabled()
    made = [[] for _ in range(10_000)]
assert gc.isenabled()
print(gc.get_freeze_count() - before >= 10_000)
"""


def test_what_is_made_while_a_process_starts_is_no_more_looked_at() -> None:
    """In a process of its own: what is frozen stays so."""
    done = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
