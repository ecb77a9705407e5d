"""How many passwords this machine can verify: nothing but argon2, in a thread for each processor.

Reads seconds from each line of stdin, and answers with the verifications per second.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

PASSWORD = "correct horse battery staple"


def verify(hasher: PasswordHasher, stored: str, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        hasher.verify(stored, PASSWORD)
        count += 1
    return count


def main() -> None:
    memory_kib, passes = map(int, sys.argv[1:])
    hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
    stored, processors = hasher.hash(PASSWORD), os.process_cpu_count() or 1
    with ThreadPoolExecutor(processors) as threads:
        for line in sys.stdin:
            began = time.perf_counter()
            arguments = [hasher] * processors, [stored] * processors, [began + float(line)] * processors
            count = sum(threads.map(verify, *arguments))
            print(count / (time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()
