"""Which checks are executed, and in what order."""

import pytest
from pytest_bdd.scenario import scenario_wrapper_template_registry

from kata.catalog.checks import Check, read_check
from kata.catalog.projects import steps_of
from kata.check.stash import CHECK, project_folder
from kata.options import Options
from kata.world.draw import Draw


def arrange(items: list[pytest.Item], options: Options) -> list[pytest.Item]:
    """Keep the chosen checks, in an order that the seed draws; ordinary tests come first."""
    checks: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        check = check_of(item)
        if check is None:
            others.append(item)
        elif _chosen(check, options):
            item.stash[CHECK] = check
            checks.append(item)
    shuffled = Draw(options.seed).fork("order").shuffle(checks) if options.seed else checks
    return [*others, *_prerequisites_first(shuffled)]


def check_of(item: pytest.Item) -> Check | None:
    """Return the check that a test item is, or None for an ordinary test."""
    function = getattr(item, "function", None)
    template = scenario_wrapper_template_registry.get(function) if function else None
    if template is None:
        return None
    steps = steps_of(project_folder(item.path))
    return read_check(template.name, template.tags | template.feature.tags, steps)


def _chosen(check: Check, options: Options) -> bool:
    if options.only:
        return check.id in options.only or check.extension in options.only
    if options.step is not None:
        return check.step == options.step and check.extension is None
    return options.extensions or check.extension is None


def _prerequisites_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Put each check behind the one that it needs, and so on; else the order stays."""
    of_id = {(project_folder(item.path), item.stash[CHECK].id): item for item in items}
    ordered: dict[pytest.Item, None] = {}

    def place(item: pytest.Item, waiting: tuple[pytest.Item, ...]) -> None:
        needed = of_id.get((project_folder(item.path), item.stash[CHECK].after or ""))
        if needed is not None and needed not in waiting:
            place(needed, (*waiting, item))
        ordered.setdefault(item)

    for item in items:
        place(item, ())
    return list(ordered)
