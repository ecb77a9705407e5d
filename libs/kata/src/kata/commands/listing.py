"""`kata list`."""

from kata.catalog.projects import all_projects


def list_projects() -> None:
    """List the projects in the learner's order."""
    for project in all_projects():
        print(f"{project.name:<16} {project.description}")
