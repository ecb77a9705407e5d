"""service.feature, bound for every project: what all services are asked needs no file in their folders."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import pytest

from kata.check.service_steps import SERVICE_FEATURE


class FeaturesFolder(pytest.Directory):
    """A project's features/: its own tests, and the scenarios that all projects share."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        for path in sorted(self.path.iterdir()):
            ignored = self.ihook.pytest_ignore_collect(collection_path=path, config=self.config)
            if path.is_file() and not ignored:
                yield from self.ihook.pytest_collect_file(file_path=path, parent=self)
        # Below the folder, so that the fixtures of its conftest.py hold for them too.
        yield ServiceFeature.from_parent(self, path=self.path / SERVICE_FEATURE.name)


class ServiceFeature(pytest.Module):
    """The shared scenarios, as a module that would stand in the project's features/."""

    def _getobj(self) -> object:
        return import_module("kata.check.service_scenarios")


def is_features_folder(path: Path) -> bool:
    """Tell whether this is the folder of a project's contract."""
    return path.name == "features" and (path.parent / "pyproject.toml").is_file()
