"""What the verifier lists, and the settings that name it: drawn once for a run."""

import json
import shlex
import sys
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kata.steps import World

from .solutions import Json

VERIFIER = Path(__file__).with_name("scripted_verifier.py")


@dataclass(frozen=True)
class Level:
    """A level as the verifier lists it."""

    id: str
    step: int
    checks: list[str]


@dataclass(frozen=True)
class Track:
    """A track as the verifier lists it."""

    document: Json
    project: str
    levels: list[Level]


def drawn_catalogue(world: World) -> Json:
    """Draw what the verifier can judge: the same for all checks of a run, so that they share services."""

    def number(name: str, low: int, high: int) -> int:
        return world.setting(f"catalogue/{name}", low, high)

    tracks: list[Json] = []
    for nth in range(3):
        low, high = (4, 6) if nth < 2 else (2, 3)  # the last is what a learner completes in no time
        project = f"{number(f'project-{nth}', 20, 49) + 40 * nth}"
        first = number(f"first-{nth}", 0, 7)
        levels: list[Json] = [
            {
                "id": f"{project}.{'abcdefgh'[number(f'letter-{nth}', 0, 7)]}{index}",
                "step": first + index * number(f"stride-{nth}", 1, 3),
                "title": f"<b>Level</b> {index} & größer",
                "checks": [
                    f"C{10 * index + check}" for check in range(number(f"checks-{nth}-{index}", 2, 4))
                ],
            }
            for index in range(number(f"levels-{nth}", low, high))
        ]
        tracks.append(
            {
                "id": f"{project}-{'tuvwxyz'[number(f'name-{nth}', 0, 6)]}",
                "project": project,
                "title": f"Track {nth}",
                "contract": f"{number(f'contract-{nth}', 10**6, 10**9):x}",
                "levels": levels,
            }
        )
    tracks.insert(number("place", 0, 2), tracks.pop())
    return {"tracks": tracks}


def tracks_of(catalogue: Json) -> list[Track]:
    tracks = catalogue["tracks"]
    assert isinstance(tracks, list)
    return [
        Track(
            track,
            track["project"],
            [Level(level["id"], level["step"], level["checks"]) for level in track["levels"]],
        )
        for track in tracks
    ]


def long_tracks(tracks: list[Track]) -> list[Track]:
    """Leave out the one that is short."""
    return [track for track in tracks if track is not short_track(tracks)]


def short_track(tracks: list[Track]) -> Track:
    return min(tracks, key=lambda track: len(track.levels))


def verifier_settings(world: World) -> dict[str, str]:
    """Return the settings that name the scripted verifier, and the folder of all solutions."""
    folder = world.folder("verifier")
    catalogue = folder / "catalogue.json"
    catalogue.write_text(json.dumps(drawn_catalogue(world)))
    solutions = world.folder("solutions")
    solutions.chmod(0o777)
    command = shlex.join([sys.executable, "-S", str(VERIFIER), str(catalogue)])
    return {"VERIFIER": command, "SOLUTIONS_DIR": str(solutions)}


def drawn_key(world: World, name: str) -> Ed25519PrivateKey:
    """Draw a key: the same for all checks of a run."""
    drawn = [world.setting(f"{name}/{nth}", 10**9, 10**10) for nth in range(4)]
    return Ed25519PrivateKey.from_private_bytes(sha256(f"{drawn}".encode()).digest())


def signing_settings(world: World) -> dict[str, str]:
    """Return the settings that name the service's key, and that of another machine.

    The file has the same path each time: a service is shared by those who ask for it with the same settings.
    """
    key = drawn_key(world, "signing-key")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key_file = world.folder("signing") / "key.pem"
    key_file.write_text(pem)
    other = drawn_key(world, "another-machine").public_key().public_bytes_raw()
    return {
        "SIGNING_KEY_FILE": str(key_file),
        "TRUSTED_KEYS": urlsafe_b64encode(other).rstrip(b"=").decode(),
    }
