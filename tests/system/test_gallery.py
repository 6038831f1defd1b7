"""The gallery's examples on real workers, by SAGA_APPS alone."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from sagas.devserver.servers import create_database, drop_database
from sagas.devserver.supervisor import Supervisor
from sagas.models import SagaEvent, SagaExecution
from tests.system.running import REPOSITORY, manage, worker
from tests.waiting import wait_until

EVENTS = f"""
    SELECT e.step, e.direction FROM {SagaEvent._meta.db_table} e
    JOIN {SagaExecution._meta.db_table} x ON x.id = e.execution_id
    WHERE x.saga_id = %s AND e.type IN ('step.succeeded', 'step.compensated') ORDER BY e.seq
"""
UNDONE = f"""
    SELECT x.saga_id FROM {SagaEvent._meta.db_table} e
    JOIN {SagaExecution._meta.db_table} x ON x.id = e.execution_id
    WHERE x.saga_id LIKE %s AND e.type = 'saga.compensated' ORDER BY e.at
"""
STATUS = f"SELECT status FROM {SagaExecution._meta.db_table} WHERE saga_id = %s"
CONTEXT = f"SELECT context FROM {SagaExecution._meta.db_table} WHERE saga_id = %s"


class Deployment:
    """Workers that know the gallery."""

    def __init__(self, supervisor: Supervisor, env: Mapping[str, str]) -> None:
        self.supervisor, self.env = supervisor, env

    def saga(self, *arguments: str) -> str:
        return self.supervisor.run(manage(self.env, "saga", *arguments))

    def start(self, example: str, saga_id: str, **context: Any) -> None:
        self.saga("start", example, "--saga-id", saga_id, "--context", json.dumps(context))

    def rows(self, statement: str, saga_id: str) -> list[Any]:
        with psycopg.connect(self.env["DATABASE_URL"]) as session:
            return session.execute(statement, [saga_id]).fetchall()

    def wait_for(self, saga_id: str, status: str) -> None:
        wait_until(lambda: self.rows(STATUS, saga_id) == [(status,)], f"{saga_id} {status}")

    def steps(self, saga_id: str) -> list[tuple[str, str]]:
        """What succeeded, in either direction, in order."""
        return self.rows(EVENTS, saga_id)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    name, server = f"gallery_{uuid4().hex[:8]}", os.environ["DATABASE_URL"]
    env = {
        **os.environ,
        "DATABASE_URL": create_database(server, name),
        # Not that of other tests, whose workers would take its hints.
        "CELERY_BROKER_URL": f"{os.environ['REDIS_URL'].rstrip('/')}/9",
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "SAGA_APPS": "examples.gallery",
    }
    with Supervisor(tmp_path_factory.mktemp("logs"), REPOSITORY) as supervisor:
        supervisor.run(manage(env, "check"))
        supervisor.run(manage(env, "migrate", "-v0"))
        supervisor.start(worker("worker", env))
        yield Deployment(supervisor, env)
    drop_database(server, name)


def test_a_trip_is_booked(deployment: Deployment) -> None:
    deployment.start("trip_booking", "trip-1", faults={"book_hotel": 1})
    deployment.wait_for("trip-1", "completed")
    booked = ["book_car", "book_hotel", "book_flight"]
    assert deployment.steps("trip-1") == [(step, "action") for step in booked]


def test_s6_a_trip_without_a_flight_is_called_off(deployment: Deployment) -> None:
    deployment.start("trip_booking", "trip-2", faults={"book_flight": "refused"})
    deployment.wait_for("trip-2", "compensated")
    assert deployment.steps("trip-2") == [
        ("book_car", "action"),
        ("book_hotel", "action"),
        ("book_hotel", "compensation"),
        ("book_car", "compensation"),
    ]


def test_s6_rounds_are_undone_newest_first(deployment: Deployment) -> None:
    deployment.start("glass_of_water", "glass-1", jug=150, sip=30)
    deployment.start("glass_of_water", "glass-2", jug=90, sip=30)
    deployment.wait_for("glass-1", "completed")
    deployment.wait_for("glass-2", "compensated")
    rounds = deployment.rows(UNDONE, "glass-2~fill.%")
    assert rounds == [(f"glass-2~fill.{number}",) for number in (4, 3, 2, 1)]


def test_a_person_approves(deployment: Deployment) -> None:
    deployment.start("human_approval", "approval-1")
    deployment.saga("signal", "approval-1", "--name", "approve")
    deployment.wait_for("approval-1", "completed")
    assert deployment.rows(CONTEXT, "approval-1")[0][0]["answer"] == "approve"


def test_r13_a_carrier_reports_until_the_parcel_is_delivered(deployment: Deployment) -> None:
    first = ["--signal", "update", "--payload", '{"status": "booked"}', "--key", "evt-1"]
    for _ in range(2):
        deployment.saga(
            "start", "carrier_updates", "--saga-id", "parcel-1", "--context", "{}", *first
        )
    last = ["--payload", '{"status": "delivered"}', "--key", "evt-2"]
    deployment.saga("signal", "parcel-1", "--name", "update", *last)
    deployment.wait_for("parcel-1", "completed")
    assert deployment.rows(CONTEXT, "parcel-1")[0][0]["stops"] == ["booked", "delivered"]


def test_images_are_processed_and_data_is_looked_up_side_by_side(deployment: Deployment) -> None:
    names = [f"image-{number}" for number in range(10)]
    deployment.start("image_processing", "images-1", images=[{"name": name} for name in names])
    deployment.start("parallel_enrichment", "customer-1")
    deployment.wait_for("images-1", "completed")
    deployment.wait_for("customer-1", "completed")
    album = deployment.rows(CONTEXT, "images-1")[0][0]["album"]
    assert album == [f"small-{name}" for name in names]


def test_s4_a_line_that_can_not_be_packed_is_undone_and_the_others_go_on(
    deployment: Deployment,
) -> None:
    lines: list[dict[str, Any]] = [{"sku": str(number)} for number in range(4)]
    lines[2]["faults"] = {"pack_line": "refused"}
    deployment.start("order_lines", "lines-1", lines=lines, address="here")
    deployment.wait_for("lines-1", "completed")
    context = deployment.rows(CONTEXT, "lines-1")[0][0]
    assert context["missing"] == ["2"]
    assert [list(each) for each in context["ship_lines"]] == [
        *(["parcel"], ["parcel"], ["failed"], ["parcel"])
    ]
    assert deployment.steps("lines-1~ship_lines.2") == [
        ("reserve_line", "action"),
        ("reserve_line", "compensation"),
    ]


def test_s3_once_two_have_reported_the_third_is_called_off(deployment: Deployment) -> None:
    dealers = [{"name": name} for name in "abc"]
    deployment.start("condition_reports", "reports-1", dealers=dealers)
    for number in (2, 0):
        deployment.saga(
            "signal", f"reports-1~reports.{number}", "--name", "report", "--payload", '"fine"'
        )
    deployment.wait_for("reports-1", "completed")
    reports = deployment.rows(CONTEXT, "reports-1")[0][0]["reports"]
    assert [each is None for each in reports] == [False, True, False]
    deployment.wait_for("reports-1~reports.1", "compensated")
