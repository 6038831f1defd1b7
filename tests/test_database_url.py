"""All that DATABASE_URL says is kept, and the engine runs wherever that leads."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured

from project.database import database
from sagas.devserver.servers import create_database, drop_database
from tests.surroundings.marks import one_session

ENGINE_LIMITS = (
    "-c lock_timeout=5s -c statement_timeout=15s -c idle_in_transaction_session_timeout=30s"
)

LIFE = """
import django
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", verbosity=0)
from sagas import engine
from sagas.machine import Direction, Saga, SagaStep, WaitFor
from sagas.models import SagaExecution
from sagas.registry import registry
registry.add(Saga("life", [SagaStep("one", lambda _: None), WaitFor("word")]))
started = engine.start("life", {"number": 1})
work = engine.claim(started.execution_id, "one", Direction.ACTION, 0)
engine.succeed(work, work.run())
engine.pause(started.saga_id, by="me")
engine.resume(started.saga_id, by="me")
engine.signal(started.saga_id, "word", {"x": 1})
engine.wake(10)
with connection.cursor() as cursor:
    cursor.execute("SELECT relnamespace::regnamespace FROM pg_class WHERE relname = %s",
                   [SagaExecution._meta.db_table])
    print(cursor.fetchone()[0], SagaExecution.objects.get().status)
    cursor.execute("SHOW lock_timeout")
    print(cursor.fetchone()[0])
"""


def test_its_query_goes_before_what_is_set_besides() -> None:
    found = database("postgresql://u@h/d?connect_timeout=3&sslmode=require&prepare_threshold=5")
    assert found["OPTIONS"] == {
        "connect_timeout": 3,
        "sslmode": "require",
        "prepare_threshold": 5,
        "options": ENGINE_LIMITS,
    }
    assert found["CONN_MAX_AGE"] is None


def test_its_options_have_the_last_word() -> None:
    given = quote("-c lock_timeout=9s -c search_path=mine")
    found = database(f"postgresql://u@h/d?options={given}")
    assert found["OPTIONS"]["options"] == (
        f"{ENGINE_LIMITS} -c lock_timeout=9s -c search_path=mine"
    )
    assert database("postgresql://u@h/d?currentSchema=mine")["OPTIONS"]["options"] == (
        f"{ENGINE_LIMITS} -c search_path=mine"
    )


def test_a_pooler_gets_no_start_up_parameter_that_it_refuses() -> None:
    found = database("postgresql://u@h/d", pooler="transaction")
    assert found["OPTIONS"] == {"connect_timeout": 5}
    assert found["DISABLE_SERVER_SIDE_CURSORS"] is True


def test_a_pool_is_added() -> None:
    found = database("postgresql://u@h/d?sslmode=require", pool_size=8)
    assert found["OPTIONS"]["pool"]["max_size"] == 8
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["CONN_MAX_AGE"] == 0


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("one:5432,two:5433", "one,two", "5432,5433"),
        ("one,two", "one,two", ""),
        ("one,two:5433", "one,two", ",5433"),
        ("[::1]:5432,[::2]:5432", "::1,::2", "5432,5432"),
        ("u:p%40ss@one:1,two:2", "one,two", "1,2"),
    ],
)
def test_several_hosts(hosts: str, host: str, port: str) -> None:
    found = database(f"postgresql://{hosts}/d?target_session_attrs=read-write")
    assert (found["HOST"], found["PORT"], found["NAME"]) == (host, port, "d")
    assert found["OPTIONS"]["target_session_attrs"] == "read-write"
    assert found["PASSWORD"] == ("p@ss" if "@" in hosts else "")


@pytest.mark.parametrize(
    ("url", "pooler", "says"),
    [
        ("sqlite:///x", "", "not a PostgreSQL URL"),
        ("postgresql://u@h/d", "statement", "DATABASE_POOLER is 'statement'"),
    ],
)
def test_what_can_not_be_is_refused_with_what_to_write(url: str, pooler: str, says: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=says):
        database(url, pooler=pooler)


@pytest.fixture
def empty() -> Iterator[str]:
    server, name = os.environ["DATABASE_URL"], f"url_{uuid4().hex[:8]}"
    try:
        yield create_database(server, name)
    finally:
        drop_database(server, name)


@one_session
@pytest.mark.parametrize(
    ("query", "schema", "lock_timeout"),
    [
        ("currentSchema=other", "other", "5s"),
        ("server_side_binding=true", "public", "5s"),
        (f"options={quote('-c lock_timeout=9s')}&prepare_threshold=3", "public", "9s"),
    ],
)
def test_a_saga_lives_wherever_that_leads(
    empty: str, query: str, schema: str, lock_timeout: str
) -> None:
    with psycopg.connect(empty, autocommit=True) as session:
        session.execute("CREATE SCHEMA other")
    told = subprocess.run(
        [sys.executable, "-c", LIFE],
        env={
            **os.environ,
            "DATABASE_URL": f"{empty}?{query}",
            "DJANGO_SETTINGS_MODULE": "project.settings",
        },
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert told.returncode == 0, told.stderr[-2000:]
    assert told.stdout.splitlines()[-2:] == [f"{schema} completed", lock_timeout]
