"""What docs/adoption.md says, done in a project of somebody else's."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.adoption.conftest import FOLDER, MINIMAL, STEPS, Adopt, running
from tests.adoption.project import Environment, Project
from tests.adoption.visitor import Visitor
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(3600)
"""Seconds: the first test of each environment installs it."""

MOST_LINES: Final = 8
OPTIONAL: Final = {
    *("channels", "channels-redis", "flower", "prometheus-client", "py-consul", "pybreaker"),
    *("requests",),
}
UVICORN: Final = ("-m", "uvicorn", "shop.asgi:application", "--port", "PORT")
RUNSERVER: Final = ("manage.py", "runserver", "--noreload", "PORT")

GREET: Final = (
    "from clients.models import Client; from tasks import greet; "
    "greet.delay(Client.objects.create().pk)"
)


@pytest.fixture(scope="module")
def project(adopt: Adopt, environment: Environment) -> Project:
    return adopt(environment, "live", STEPS)


@pytest.fixture(scope="module")
def visitor(project: Project) -> Iterator[Visitor]:
    with running(project, *UVICORN) as found:
        yield found


@pytest.fixture(scope="module")
def minimal_project(adopt: Adopt, minimal: Environment) -> Project:
    return adopt(minimal, "minimal", MINIMAL)


@pytest.fixture(scope="module")
def minimal_visitor(minimal_project: Project) -> Iterator[Visitor]:
    with running(minimal_project, *RUNSERVER) as found:
        yield found


def is_complete(project: Project) -> None:
    assert "no issues (0 silenced)" in project.manage("check")
    project.manage("makemigrations", "--check", "--dry-run")
    where = project.manage("shell", "-c", "import sagas, tasks; print(sagas.__file__, tasks.greet)")
    assert f"{project.environment.folder}/" in where, "the wheel, not this checkout"
    assert "tasks.greet" in where


def runs_a_saga(visitor: Visitor) -> str:
    answer = visitor.order(2)
    assert answer.status_code == 201, answer.text
    saga_id = str(answer.json()["saga"])
    assert visitor.end_of(saga_id) == "completed"
    order = saga_id.removeprefix("order-")
    assert visitor.rows(f"SELECT shelf FROM orders_order WHERE id = '{order}'") == [("A7",)]
    return saga_id


def starts_nothing_if_rolled_back(visitor: Visitor) -> None:
    count = (
        "SELECT (SELECT count(*) FROM orders_order), (SELECT count(*) FROM sagas_sagaexecution), "
        "(SELECT count(*) FROM sagas_sagaevent)"
    )
    runs_a_saga(visitor)
    before = visitor.rows(count)
    assert visitor.order(2, card="expired").status_code == 400
    assert visitor.rows(count) == before


def runs_its_own_tasks(project: Project, visitor: Visitor) -> None:
    project.manage("shell", "-c", GREET)
    assert wait_until(lambda: visitor.rows("SELECT 1 FROM clients_client WHERE greeted"))


# --- With live progress ---------------------------------------------------------------------------


def test_a_few_lines_add_it(project: Project, lines: dict[str, list[str]]) -> None:
    print(f"{len(lines['live'])} lines:", *lines["live"], sep="\n    ")
    assert len(lines["live"]) <= MOST_LINES
    is_complete(project)
    assert "live.js" in project.manage("findstatic", "sagas/live.js")


def test_a_saga_that_a_view_starts_is_run(visitor: Visitor) -> None:
    saga_id = runs_a_saga(visitor)
    page = visitor.get(f"/sagas/live/{saga_id}")
    assert (page.status_code, 'data-base="/sagas/"' in page.text) == (200, True)
    assert visitor.get("/sagas/api/v1/docs").status_code == 200
    assert visitor.get("/sagas/health/").json()["channel_layer"] == "ok"


def test_a_saga_that_is_refused_turns_back(visitor: Visitor) -> None:
    assert visitor.end_of(visitor.order(101).json()["saga"]) == "compensated"


def test_a_view_that_is_rolled_back_starts_none(visitor: Visitor) -> None:
    starts_nothing_if_rolled_back(visitor)


def test_its_progress_is_seen_live(visitor: Visitor) -> None:
    told, code = visitor.watch(visitor.order(3).json()["saga"])
    events = [each for each in told if each["type"] == "event"]
    assert told[0]["type"] == "snapshot"
    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
    assert code == 1000


def test_other_tasks_of_the_project_run_as_before(project: Project, visitor: Visitor) -> None:
    runs_its_own_tasks(project, visitor)


# --- A minimal install ----------------------------------------------------------------------------


def test_a_minimal_install_brings_nothing_optional(minimal: Environment) -> None:
    found = minimal.packages()
    assert "sagas-for-django" in found
    assert not found & OPTIONAL


def test_a_minimal_install_runs_sagas(
    minimal_project: Project, minimal_visitor: Visitor, lines: dict[str, list[str]]
) -> None:
    print(f"{len(lines['minimal'])} lines:", *lines["minimal"], sep="\n    ")
    is_complete(minimal_project)
    starts_nothing_if_rolled_back(minimal_visitor)
    runs_its_own_tasks(minimal_project, minimal_visitor)
    assert minimal_visitor.get("/sagas/live/order-1").status_code == 404
    assert minimal_visitor.get("/sagas/health/").json()["channel_layer"] == "ok"


def test_what_an_extra_lacks_is_said(minimal: Environment) -> None:
    project = Project.start(minimal, FOLDER / "lacking-project", {})
    project.set('INSTALLED_APPS += ["sagas", "sagas.live"]')
    said = project.refused("check")
    assert "sagas.live needs channels and prometheus_client" in said
    assert "pip install 'sagas-for-django[live]'" in said


# --- What check says ------------------------------------------------------------------------------


def test_check_says_what_is_missing_in_order(environment: Environment) -> None:
    project = Project.start(environment, FOLDER / "empty-project", {})
    project.set('INSTALLED_APPS += ["django.contrib.postgres", "sagas", "sagas.live"]')
    said = project.refused("check")
    expected = ["E040", "E041", "W001", "W020", "W044", "W045"]
    assert re.findall(r"\(sagas\.([EW]\d+)\)", said) == expected
    for line in (
        "django.db.backends.postgresql",
        "from .celery import app` in shop/__init__.py",
        "CELERY_BROKER_POOL_ACQUIRE_TIMEOUT",
        'CHANNEL_LAYERS = {"default": redis_layer(CELERY_BROKER_URL)}',
        'path("sagas/", include("sagas.urls"))',
        "application = with_live_progress(application)",
    ):
        assert line in said
