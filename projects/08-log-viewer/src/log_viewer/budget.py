"""What one query may cost: then it answers with what it has, and with a cursor to go on."""

import time


class Budget:
    """Bytes that may be read, and the moment by which the answer is made."""

    def __init__(self, most_bytes: int, most_seconds: float) -> None:
        self.bytes_left = most_bytes
        self._deadline = time.monotonic() + most_seconds

    def spend(self, size_bytes: int) -> None:
        self.bytes_left -= size_bytes

    @property
    def is_spent(self) -> bool:
        return self.bytes_left <= 0 or time.monotonic() >= self._deadline

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self._deadline
