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


ASKING = """
import os
import signal
import time

from service_kit.stop import Stop, is_stopping

stop = Stop()
stop.listen()
stop.defer()
print(is_stopping())
os.kill(os.getpid(), signal.SIGTERM)
while not is_stopping():
    time.sleep(0.01)
print(is_stopping())
"""


def test_an_application_can_ask_whether_it_shall_stop() -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASKING], capture_output=True, text=True, timeout=60, check=False
    )
    assert (asked.stdout, asked.stderr, asked.returncode) == ("False\nTrue\n", "", 0)
