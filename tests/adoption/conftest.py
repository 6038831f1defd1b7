"""The wheel, the environments and the projects: each made once, in .local/adoption."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from sagas.devserver.child import Command
from sagas.devserver.servers import create_database, drop_database
from sagas.devserver.supervisor import Supervisor, free_port
from tests.adoption.project import BEFORE, PAGE, Environment, Project, blocks, build
from tests.adoption.visitor import LIMIT, Visitor
from tests.servers import FOLDER as SERVERS

FOLDER: Final = SERVERS / "adoption"

STEPS: Final = ("Install it", "Settings", "URLs", "Live progress", "Write a saga")
MINIMAL: Final = ("Without live progress", "URLs", "Write a saga")


@pytest.fixture(scope="session")
def wheel() -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    return build(FOLDER / "dist")


@pytest.fixture(scope="session")
def environment(wheel: Path) -> Environment:
    """With live progress."""
    made = Environment.make(FOLDER / "live", wheel)
    made.install([*blocks(BEFORE), *blocks(PAGE, STEPS)])
    return made


@pytest.fixture(scope="session")
def minimal(wheel: Path) -> Environment:
    """With the library's own dependencies, and no extra."""
    made = Environment.make(FOLDER / "minimal", wheel)
    made.install([*blocks(BEFORE), *blocks(PAGE, MINIMAL)])
    return made


@pytest.fixture(scope="session")
def lines() -> dict[str, list[str]]:
    """What the page added to the projects, to be shown at the end."""
    return {}


Adopt = Callable[[Environment, str, tuple[str, ...]], Project]


@pytest.fixture(scope="session")
def adopt(lines: dict[str, list[str]]) -> Iterator[Adopt]:
    """The project of before.md, and these chapters of the page added to it; migrated."""
    server, databases = os.environ["DATABASE_URL"], []

    def make(environment: Environment, name: str, titles: tuple[str, ...]) -> Project:
        drop_database(server, f"adoption_{name}")
        databases.append(f"adoption_{name}")
        env = {
            "DATABASE_URL": create_database(server, databases[-1]),
            "CELERY_BROKER_URL": f"{os.environ['REDIS_URL']}/{len(databases)}",
        }
        project = Project.start(environment, FOLDER / f"{name}-project", env)
        project.add(blocks(BEFORE))
        lines[name] = project.add(blocks(PAGE, titles))
        project.manage("makemigrations", "people", "clients", "orders")
        project.manage("migrate")
        return project

    yield make
    for name in databases:
        drop_database(server, name)


@contextmanager
def running(project: Project, *web: str) -> Iterator[Visitor]:
    """The project's web process, as `web` has it, and one worker; a person who is logged in."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    argv = project.argv(*(each.replace("PORT", str(port)) for each in web))
    celery = project.argv("-m", "celery", "-A", "shop", "worker", "-E", "-c", "2")
    with Supervisor(project.folder / "logs", project.folder) as supervisor:
        supervisor.start(
            Command("web", argv, project.env, f"{url}/sagas/health/", LIMIT),
            Command("worker", celery, project.env, lambda logged: " ready." in logged, LIMIT),
        )
        yield Visitor(url, project)
