import subprocess
import sys

FORKING = """
import multiprocessing
import time

from service_kit.stop import Stop


def child(up):
    up.send(True)
    time.sleep(60)


Stop().listen()
up, side = multiprocessing.Pipe()
process = multiprocessing.get_context("fork").Process(target=child, args=(side,))
process.start()
up.recv()
process.terminate()
process.join()
print(process.exitcode)
"""


def test_a_process_that_the_application_forks_has_its_signals_to_itself() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("-15\n", "", 0)
