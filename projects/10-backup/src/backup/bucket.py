"""Objects of an S3-compatible storage below one prefix; asking and asking again are bounded in time."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from backup.durable import create_privately
from backup.errors import StorageFailedError, VersionExistsError

BLOCK_BYTES: Final = 8 << 20
UPLOADS: Final = 2  # at once, so that a dump of any size takes 16 MiB of memory
# A listing or a manifest is there in a moment or not at all; a block of a dump may come by a slow line.
SHORT_SECONDS: Final = 3
LONG_SECONDS: Final = 30
RETRIES: Final = 4  # 0.1, 0.2, 0.4 and 0.8 seconds behind each other, where the storage says SlowDown
RETRY_SECONDS: Final = SHORT_SECONDS  # so that who was not answered is not asked again


@dataclass(frozen=True)
class Access:
    """Where a bucket is, and the keys to it."""

    bucket: str
    prefix: str
    endpoint: str | None
    region: str
    key_id: str
    secret: str

    def store(self, timeout_seconds: int) -> S3Store:
        return S3Store(
            self.bucket,
            prefix=self.prefix or None,
            region=self.region,
            access_key_id=self.key_id,
            secret_access_key=self.secret,
            config={"endpoint": self.endpoint} if self.endpoint else None,
            client_options={
                "allow_http": True,
                "connect_timeout": f"{SHORT_SECONDS}s",
                "timeout": f"{timeout_seconds}s",
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=RETRY_SECONDS),
                "backoff": {
                    "init_backoff": timedelta(seconds=0.1),
                    "max_backoff": timedelta(seconds=1),
                    "base": 2,
                },
            },
        )


@dataclass(frozen=True)
class Object:
    """An object as a listing has it."""

    key: str
    size_bytes: int
    tag: str | None


class Bucket:
    """The objects below a prefix."""

    def __init__(self, access: Access) -> None:
        self._short = access.store(SHORT_SECONDS)
        self._long = access.store(LONG_SECONDS)

    def list(self, prefix: str) -> list[Object]:
        """Return all objects below a prefix.

        Raises: StorageFailedError.
        """
        with _translated():
            found = obstore.list(self._short, prefix).collect()
            return [Object(item["path"], item["size"], item["e_tag"]) for item in found]

    def read(self, key: str) -> bytes | None:
        """Return a small object, or nothing if there is none.

        Raises: StorageFailedError.
        """
        try:
            with _translated():
                return obstore.get(self._short, key).bytes().to_bytes()
        except FileNotFoundError:
            return None

    def write(self, key: str, content: bytes) -> None:
        """Store a small object in the place of the one that is there.

        Raises: StorageFailedError.
        """
        with _translated():
            obstore.put(self._short, key, content, use_multipart=False)

    def write_new(self, key: str, content: bytes) -> None:
        """Store a small object, by `If-None-Match: *`.

        Raises: StorageFailedError, VersionExistsError.
        """
        try:
            with _translated():
                obstore.put(self._short, key, content, mode="create")
        except AlreadyExistsError as error:
            if self.read(key) != content:  # else the answer to the first try was lost
                raise VersionExistsError from error

    def upload(self, path: Path, key: str) -> None:
        """Store a file, and read back what is stored.

        Raises: StorageFailedError, also where it is not the same.
        """
        with _translated():
            obstore.put(self._long, key, path, chunk_size=BLOCK_BYTES, max_concurrency=UPLOADS)
        with path.open("rb") as file:
            wanted = hashlib.file_digest(file, "sha256").digest()
        got = hashlib.sha256()
        for block in self._blocks(key):
            got.update(block)
        if got.digest() != wanted:
            raise StorageFailedError(f"{path.name} is not stored as it was written.")

    def download(self, key: str, path: Path) -> None:
        """Fetch an object, for the owner's eyes alone; there is no file if there is no object.

        Raises: StorageFailedError.
        """
        try:
            with create_privately(path) as file:
                file.writelines(self._blocks(key))
        except FileNotFoundError:
            path.unlink(missing_ok=True)

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is none.

        Raises: StorageFailedError.
        """
        with _translated():
            obstore.delete(self._short, key)

    def _blocks(self, key: str) -> Iterator[bytes]:
        """Read an object by requests that are bounded in time each, whatever its size."""
        with _translated():
            size_bytes = obstore.head(self._short, key)["size"]
            for start in range(0, size_bytes, BLOCK_BYTES):
                length = min(BLOCK_BYTES, size_bytes - start)
                yield obstore.get_range(self._long, key, start=start, length=length).to_bytes()


@contextmanager
def _translated() -> Iterator[None]:
    """Say in one line what has failed; what obstore says has the address and the answer in it."""
    try:
        yield
    except (FileNotFoundError, AlreadyExistsError):
        raise
    except (BaseError, OSError) as error:
        raise StorageFailedError("The storage cannot be reached, or refuses.") from error
