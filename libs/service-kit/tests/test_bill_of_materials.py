import json
import subprocess
import sys
from importlib.metadata import version


def test_it_names_what_is_installed_and_what_it_is_told() -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "service_kit.bill_of_materials", "looms", "4f2a"],
        input="libc6=2.41-12\nbase-files=13.8+deb13u1\n",
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(asked.stdout)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"] == {"type": "container", "name": "looms", "version": "4f2a"}
    found = {one["bom-ref"]: one for one in document["components"]}
    assert len(found) == len(document["components"])
    structlog = version("structlog")
    assert found[f"pkg:pypi/structlog@{structlog}"]["version"] == structlog
    assert found["pkg:deb/debian/base-files@13.8%2Bdeb13u1"]["name"] == "base-files"
    assert "pkg:deb/debian/libc6@2.41-12" in found
