"""The fixture `world`: one world for the checks of a project."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kata.catalog.projects import Project, load_project
from kata.check.judging import describe_deaths, last_words
from kata.check.stash import ATTEMPT, CHECK, OPTIONS, POSTGRES, SEED, WORLD, WORLDS, AnyWorld, project_folder
from kata.errors import TargetError
from kata.options import Options
from kata.servers.databases import PostgresServer
from kata.servers.postgres_programs import programs_of
from kata.solution.procfile_target import ProcfileTarget
from kata.solution.target import Target
from kata.world.attached import AttachedWorld
from kata.world.draw import Draw
from kata.world.owned import OwnedWorld


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[AnyWorld]:
    """The dependencies, processes and luck of the run, as this check may use them."""
    current = world_of(request.config, project_folder(request.path))
    node = request.node
    node.stash[WORLD] = current
    current.begin(node.stash[CHECK].id, node.stash.get(ATTEMPT, 1))
    yield current
    died = current.died_shared()
    current.end()
    if died:  # else the next check would find a new one in its place
        raise TargetError(describe_deaths(died), last_words(died))


def world_of(config: pytest.Config, folder: Path) -> AnyWorld:
    """Return the world of the project in this folder, which is made when it is first asked for."""
    worlds = config.stash[WORLDS]
    if folder not in worlds:
        options = replace(config.stash[OPTIONS], seed=config.stash[SEED])
        worlds[folder] = make_world(load_project(folder), options, config.stash.get(POSTGRES, None))
    return worlds[folder]


def make_world(project: Project, options: Options, postgres: PostgresServer | None = None) -> AnyWorld:
    """Build the world for one way of reaching the solution."""
    draw = Draw(options.seed)
    if options.url is not None:
        return AttachedWorld(options.url, {**project.defaults, **dict(options.settings)}, draw)
    directory = options.directory or project.path
    target = _target(directory, project.needs, docker=options.docker)
    return OwnedWorld(target, project.needs, draw, options.start_timeout_seconds, postgres)


def leave_world(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Close the world behind the last check of a project: the next project has one of its own."""
    folder = project_folder(item.path)
    if nextitem is not None and CHECK in nextitem.stash and project_folder(nextitem.path) == folder:
        return
    world = item.config.stash[WORLDS].pop(folder, None)
    if world is not None:
        world.close()


def _target(directory: Path, needs: Collection[str], *, docker: bool) -> Target:
    if not docker:
        return ProcfileTarget(directory, programs=programs_of(needs))
    # Here, because the SDK takes a quarter of a second to import.
    from kata.solution.container import DockerTarget  # noqa: PLC0415

    return DockerTarget(directory)
