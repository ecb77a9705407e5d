"""A body is never held whole, in either direction."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from kata.world.owned import OwnedWorld


def test_a_large_body_takes_no_memory(world: OwnedWorld) -> None:
    """Both ways, 200 MiB: what the process has at most grows by no more than a few pieces."""
    service = world.start({"MAX_VALUE_BYTES": str(2**28), "BUDGET_BYTES": str(2**30)})
    piece = os.urandom(1_048_576)
    address = f"{service.urls[0]}/cache/large"
    before = peaks_kib(service.urls[0])
    with httpx.Client(trust_env=False, timeout=60) as client:
        put = client.put(
            address,
            content=(piece for _ in range(200)),
            headers={"Content-Length": str(200 * len(piece))},
        )
        assert put.status_code == 201
        with client.stream("GET", address) as answer:
            assert sum(len(part) for part in answer.iter_raw()) == 200 * len(piece)
    after = peaks_kib(service.urls[0])
    grown = {pid: after[pid] - before[pid] for pid in before if pid in after}
    assert grown
    assert max(grown.values()) < 40_000, grown


def peaks_kib(url: str) -> dict[int, int]:
    """Return the most memory that each process of a service has had."""
    port = f"\0PORT={urlsplit(url).port}\0".encode()
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environment = b"\0" + (folder / "environ").read_bytes()
                lines = (folder / "status").read_text().splitlines()
            except OSError:
                continue
            peak = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
            if port in environment and peak is not None:
                found[int(folder.name)] = int(peak)
    return found
