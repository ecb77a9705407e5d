"""The manifest as a file: JSON that carries a hash of itself."""

import hashlib
import json
from typing import Final

from pydantic import TypeAdapter, ValidationError

from backup.domain import Manifest, Marks
from backup.errors import DamagedManifestError

FORMAT: Final = 1
MANIFEST: Final = TypeAdapter(Manifest)
MARKS: Final = TypeAdapter(Marks)


def written(manifest: Manifest) -> bytes:
    """Return the manifest as it is stored: its members, and the SHA-256 of them."""
    members = MANIFEST.dump_python(manifest, mode="json")
    return json.dumps({**members, "sha256": digest(members)}, indent=1, ensure_ascii=False).encode() + b"\n"


def read(text: bytes) -> Manifest:
    """Read a manifest.

    Raises: DamagedManifestError, if any of its values is not as it was written.
    """
    try:
        members = json.loads(text)
        claimed = members.pop("sha256")
        manifest = MANIFEST.validate_python(members)
    except (ValueError, KeyError, AttributeError, TypeError, ValidationError, RecursionError) as error:
        raise DamagedManifestError("The manifest cannot be read.") from error
    if claimed != digest(members):
        raise DamagedManifestError("The manifest is not as it was written.")
    return manifest


def digest(members: object) -> str:
    """Hash a JSON value, however it is laid out."""
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
