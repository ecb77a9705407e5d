"""The generated document and the running service agree: schemathesis reads the one and asks the other."""

import subprocess
import sys
from pathlib import Path

# The routes with a shape. The others of the samples hang, crash or stream, for test_server.
SHAPED = "^/(things|health|ready|metrics|openapi.json|docs)"


def test_a_service_does_what_its_document_says(sample_url: str, tmp_path: Path) -> None:
    options = ["--checks", "all", "--max-examples", "10", "--seed", "1", "--generation-deterministic"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{sample_url}/openapi.json", *options]
    run = subprocess.run(
        [*command, "--include-path-regex", SHAPED, "--no-color"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Tested: 8" in run.stdout, run.stdout
