"""What an image is made of, for programs: a CycloneDX document, made in its environment while it is built.

On stdin are the names and versions of its Debian packages, `libc6=2.41-12` on a line; the arguments are the
image's name and revision. The Python packages are those that are installed here.

Source: CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/; package-url, types `pypi` and `deb`.
"""

import json
import re
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from urllib.parse import quote


def component(kind: str, name: str, version: str) -> dict[str, str]:
    purl = f"pkg:{kind}/{quote(name, safe='')}@{quote(version, safe='')}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def document(name: str, revision: str, debian: Iterable[str]) -> dict[str, object]:
    """Return the document; no time and no drawn id are in it, so that equal images have equal ones."""
    python = {(re.sub(r"[-_.]+", "-", found.name).lower(), found.version) for found in distributions()}
    packages = {tuple(line.strip().split("=", 1)) for line in debian if "=" in line}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": revision}},
        "components": [component("pypi", *each) for each in sorted(python)]
        + [component("deb/debian", *each) for each in sorted(packages)],
    }


if __name__ == "__main__":
    _, name, revision = sys.argv
    json.dump(document(name, revision, sys.stdin), sys.stdout)
