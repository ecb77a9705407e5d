"""What a restore would fail of, or would silently do otherwise, found before anything is touched."""

from typing import Final

from backup.database import Server
from backup.domain import Manifest, Source
from backup.encryption import SUFFIX, Encryption
from backup.errors import WrongKeyError
from backup.ports import Storage
from backup.properties import Connection

MAY_CREATE: Final = "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
ROLES: Final = "SELECT rolname FROM pg_roles"
EXTENSIONS: Final = "SELECT name, version FROM pg_available_extension_versions"

type Obstacle = tuple[str, str]


def obstacles(server: Server, manifest: Manifest) -> list[Obstacle]:
    """Return what is in the way, each with its code.

    A role that is missing is not left out: what was revoked from everybody and granted to it would be
    everybody's again.
    """
    with server.connect(server.elsewhere) as connection:
        row = connection.execute(MAY_CREATE).fetchone()
        found: list[Obstacle] = []
        if row is None or not row[0]:
            found.append(("not_permitted", "This user may not create databases."))
        if manifest.source is not None:
            found += _of_source(connection, manifest.source)
    return found


def lack_of_room(storage: Storage) -> list[Obstacle]:
    """Look whether the safety version would fit: it takes about what the newest version does."""
    newest = storage.newest()
    manifest = storage.find(newest).manifest if newest else None
    wanted_bytes = sum(file.size_bytes for file in manifest.files) if manifest else 0
    room_bytes = storage.room_bytes()
    if wanted_bytes <= room_bytes:
        return []
    detail = f"A safety version takes about {wanted_bytes} bytes, and there is room for {room_bytes}."
    return [("no_room", detail)]


def lack_of_a_key(encryption: Encryption, manifest: Manifest) -> list[Obstacle]:
    """Look whether there is an identity at all; whether it is the right one, the run finds out."""
    if any(file.name.endswith(SUFFIX) for file in manifest.files):
        try:
            encryption.identities()
        except WrongKeyError as error:
            return [(error.code, str(error))]
    return []


def _of_source(connection: Connection, source: Source) -> list[Obstacle]:
    found: list[Obstacle] = []
    major, wanted = connection.info.server_version // 10_000, int(source.server_version.split(".")[0])
    if major < wanted:
        found.append(("older_server", f"The server is PostgreSQL {major}, and the version is of {wanted}."))
    roles = {str(name) for (name,) in connection.execute(ROLES)}
    found += [
        ("missing_role", f"There is no role {role.name}.") for role in source.roles if role.name not in roles
    ]
    available = {(str(name), str(version)) for name, version in connection.execute(EXTENSIONS)}
    names = {name for name, _ in available}
    for extension in source.extensions:
        if extension.name not in names:
            found.append(("missing_extension", f"There is no extension {extension.name}."))
        elif (extension.name, extension.version) not in available:
            found.append(
                ("missing_extension_version", f"There is no {extension.name} of version {extension.version}.")
            )
    return found
