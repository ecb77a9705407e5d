"""The README's examples are run as they stand."""

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

import rate_limit

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

type Serve = Callable[[Path, str, str, str], AbstractContextManager[httpx.Client]]


def example(heading: str) -> str:
    """Return the Python under a heading."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return str(code)


def test_decide(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(example("Decide"), "README.md", "exec"), {})

    assert capsys.readouterr().out == "[9, 99]\n"


@pytest.mark.parametrize(
    ("heading", "interface"), [("In Flask", "wsgi"), ("In FastAPI or Starlette", "asgi")]
)
def test_an_application(tmp_path: Path, serve: Serve, redis_url: str, heading: str, interface: str) -> None:
    (tmp_path / "app.py").write_text(example(heading), encoding="utf-8")

    with serve(tmp_path, interface, "app:app", redis_url) as site:
        answers = [site.get("/login") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"login";q=3;w=60'
        assert answers[0].headers["ratelimit"] == '"login";r=2;t=60'
        assert [site.get("/health").status_code for _ in range(5)] == [200] * 5


def test_every_name_that_the_readme_takes_from_the_library_is_public() -> None:
    taken = re.findall(r"^from rate_limit import (.*)$", README, re.MULTILINE)
    names = {name.strip() for line in taken for name in line.split(",")}

    assert names
    assert names <= set(rate_limit.__all__)


WITHOUT_EXTRA = """
import sys
sys.modules["redis"] = sys.modules["hiredis"] = None
from rate_limit import Limiter, MemoryStorage, Policy
assert Limiter(MemoryStorage(), Policy(1, 1)).hit("key")
try:
    from rate_limit import RedisStorage
except ImportError:
    print("needs redis")
"""


def test_only_the_storage_in_redis_needs_the_extra() -> None:
    output = subprocess.run([sys.executable, "-c", WITHOUT_EXTRA], check=True, capture_output=True, text=True)

    assert output.stdout == "needs redis\n"


def test_every_public_name_exists() -> None:
    assert [name for name in rate_limit.__all__ if not hasattr(rate_limit, name)] == []
    assert sorted(rate_limit.__all__) == sorted(set(rate_limit.__all__))
    with pytest.raises(AttributeError):
        _ = rate_limit.__getattr__("Nothing")
