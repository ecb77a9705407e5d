"""One contestant of `run.py`: gets or sets the same values for as many seconds as it is told.

`contestant.py OURS|DISKCACHE|CACHELIB get|set SIZE FOLDER` answers each line of stdin, a number of seconds,
with how many values it has got or set a second. It knows nothing of the workspace but what it measures, for
the peers have an environment of their own.
"""

import os
import sys
import time
from collections.abc import Callable
from itertools import cycle

KEYS = [f"key-{number}" for number in range(64)]

type Get = Callable[[str], object]
type Set = Callable[[str, bytes], object]


def ours(folder: str) -> tuple[Get, Set]:
    from file_cache.library import FileCache

    cache = FileCache(folder, cleanup_seconds=None)
    return cache.get, cache.set


def diskcache(folder: str) -> tuple[Get, Set]:
    from diskcache import Cache  # type: ignore[import-not-found]

    cache = Cache(folder)
    return cache.get, cache.set


def cachelib(folder: str) -> tuple[Get, Set]:
    from cachelib import FileSystemCache  # type: ignore[import-not-found]

    cache = FileSystemCache(folder, threshold=0, default_timeout=86_400)
    return cache.get, cache.set


WHO = {"OURS": ours, "DISKCACHE": diskcache, "CACHELIB": cachelib}


def main() -> None:
    who, what, size, folder = sys.argv[1:]
    get, put = WHO[who](folder)
    values = [os.urandom(int(size)) for _ in KEYS]
    for key, value in zip(KEYS, values, strict=True):
        put(key, value)
        if get(key) != value:
            raise SystemExit(f"{who} gives back another value")
    pairs = cycle(zip(KEYS, values, strict=True))
    for line in sys.stdin:
        seconds = float(line)
        count = 0
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            key, value = next(pairs)
            if what == "set":
                put(key, value)
            elif get(key) is None:
                raise SystemExit(f"{who} has lost a value")
            count += 1
        print(count / (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
