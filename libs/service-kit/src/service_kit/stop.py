"""How a worker hears that it shall stop: once, however often it is told and in whichever thread.

granian's own way has two gaps. It puts each signal into a channel with room for one. When the channel is
full, the next signal waits for ever and holds the interpreter's lock meanwhile: that is the second signal
while a worker starts, and the third later. And it relies on Python's handlers, which run only when the
main thread wakes up, while the kernel may deliver a signal to another thread. Of 60 services with two
workers that got SIGTERM as soon as their port was open, three had to be killed.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial

from granian import _signals
from granian._granian import WorkerSignal

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

# Set in a worker once a stop has begun: what would go on answering without end looks at it.
stopping = threading.Event()

_told = threading.Event()


def is_stopping() -> bool:
    """Tell whether this worker shall stop. An answer without an end, such as a stream, has to end then.

    The lifespan cannot say it: it goes on until the last answer has ended.
    """
    return _told.is_set()


class Stop:
    """The end of one worker: at once while the application is being made, and gracefully from then on."""

    def __init__(self, drain_seconds: float = 0.0) -> None:
        """Say how long this worker goes on answering once it is told, while `/health` says so."""
        self._drain_seconds = drain_seconds
        self._graceful = WorkerSignal()
        self._once = threading.Lock()
        self._is_deferred = False

    def listen(self) -> None:
        """Take over from granian, in the main thread, and let signals in that were blocked until now."""
        _signals.set_sync_signals = lambda: self._graceful
        _signals.set_loop_signals = lambda _loop: self._graceful
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: None)  # the number in the pipe is what counts
        os.register_at_fork(after_in_child=restore_defaults)
        self._start_waiting(partial(wait_for_signal, reading))
        # Without its parent, a worker would hold the port out of any supervisor's sight.
        if (parent := multiprocessing.parent_process()) is not None:
            self._start_waiting(parent.join)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def defer(self) -> None:
        """From here on a stop is granian's business; one that comes before it serves is remembered."""
        self._is_deferred = True

    def _start_waiting(self, wait: Callable[[], None]) -> None:
        threading.Thread(target=self._stop_after, args=(wait,), daemon=True).start()

    def _stop_after(self, wait: Callable[[], None]) -> None:
        wait()
        if not self._once.acquire(blocking=False):
            return
        _told.set()
        stopping.set()
        if self._is_deferred:
            time.sleep(self._drain_seconds)
            self._graceful.set()
        else:
            os._exit(0)


def wait_for_signal(reading: int) -> None:
    """Return when the interpreter's handler, in whatever thread, has written the number of one of ours."""
    while os.read(reading, 1)[0] not in STOP_SIGNALS:
        pass


def restore_defaults() -> None:
    """Give the signals of a process that the application forks back to that process."""
    signal.set_wakeup_fd(-1)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
