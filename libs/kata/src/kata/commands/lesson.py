"""`kata lesson`: the parts of lessons and of the documents about all of them that are generated."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from pytest_bdd.feature import get_features

from kata.catalog import requirements
from kata.catalog.benchmarks import benchmark_summary, benchmark_table
from kata.catalog.checks import Check, check_order, read_check
from kata.catalog.generated import with_part
from kata.catalog.overview import glossary, project_table
from kata.catalog.projects import ROOT, all_projects, find_project, load_project, steps_of
from kata.catalog.settings import described
from kata.check.service_steps import SERVICE_FEATURE
from kata.errors import KataError, UsageError
from kata.template.rendering import render_dockerfile


def checks_of(project: Path) -> list[Check]:
    """Read the checks from a project's features: every service's, its own, its extensions'.

    Raises:
        KataError: two scenarios have the same id.

    """
    checks = [check for check, _ in _read(project)]
    twice = [check for check, count in Counter(check.id for check in checks).items() if count > 1]
    if twice:
        raise KataError(f"{project.name} has two checks {', '.join(twice)}")
    return sorted(checks, key=lambda check: check_order(check.id))


def _read(project: Path) -> list[tuple[Check, set[str]]]:
    """Return the checks with all their tags."""
    features = get_features(
        [str(SERVICE_FEATURE), *map(str, sorted((project / "features").glob("*.feature")))]
    )
    scenarios = [
        (scenario.name, scenario.tags | feature.tags)
        for feature in features
        for scenario in feature.scenarios.values()
    ]
    steps = steps_of(project)
    return [(read_check(name, tags, steps), tags) for name, tags in scenarios]


def _tags_of(project: Path) -> list[tuple[str, str]]:
    ordered = sorted(_read(project), key=lambda read: check_order(read[0].id))
    return [(check.id, tag) for check, tags in ordered for tag in tags]


def render_checks(project: Path) -> str:
    """Render the checks as the two tables of a lesson's section 9."""
    checks = checks_of(project)
    core = [
        f"| {check.id} | {'' if check.step is None else check.step} | {check.sentence} |"
        for check in checks
        if not check.extension
    ]
    more = [f"| {check.id} | {check.extension} | {check.sentence} |" for check in checks if check.extension]
    lines = ["| check | step | what is verified |", "|---|---|---|", *core]
    if more:
        lines += ["", "| check | extension | what is verified |", "|---|---|---|", *more]
    return "\n".join([*lines, ""])


def generated_in_project(path: Path) -> dict[Path, str]:
    """Return the documents of a project as they are to be, their generated parts renewed."""
    project = load_project(path)
    lesson, dockerfile, environment = (path / name for name in ("README.md", "Dockerfile", ".env.sample"))
    documents = {lesson: with_part(lesson.read_text(), "checks", render_checks(path))}
    if (path / requirements.FILE).exists():
        table = requirements.render_requirements(path, _tags_of(path))
        documents[lesson] = with_part(documents[lesson], "requirements", table)
    if project.settings:
        settings = described(project)
        documents[lesson] = with_part(documents[lesson], "settings", settings.table(project.defaults))
        documents[environment] = with_part(environment.read_text(), "settings", settings.sample())
    if dockerfile.exists():
        documents[dockerfile] = render_dockerfile(path)
    return documents


def generated_in_root(root: Path) -> dict[Path, str]:
    """Return the README, the glossary and the table of all benches as they are to be."""
    readme, terms, benchmarks = (
        root / name for name in ("README.md", "docs/glossary.md", "docs/benchmarks.md")
    )
    text = with_part(readme.read_text(), "projects", project_table(root))
    return {
        readme: with_part(text, "benchmarks", benchmark_summary(root)),
        terms: with_part(terms.read_text(), "terms", glossary(root)),
        benchmarks: with_part(benchmarks.read_text(), "benchmarks", benchmark_table(root)),
    }


def write(documents: Mapping[Path, str]) -> None:
    for path, text in documents.items():
        path.write_text(text)


def lesson(
    number: Annotated[str | None, typer.Argument(help="The project, such as 01; all if left out.")] = None,
    *,
    renew: Annotated[bool, typer.Option("--write", help="Renew what is generated.")] = False,
) -> None:
    """List what verification checks; or renew it in the lesson, with whatever else is generated."""
    if number is None and not renew:
        raise UsageError("whose checks? Give a project's number, or --write for all that is generated")
    projects = [find_project(number)] if number is not None else all_projects()
    if not renew:
        print(render_checks(projects[0].path), end="")
        return
    for project in projects:
        write(generated_in_project(project.path))
    if number is None:
        write(generated_in_root(ROOT))
