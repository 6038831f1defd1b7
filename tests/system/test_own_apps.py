"""Apps that SAGA_APPS adds to the project, which is not edited for them."""

import os
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from uuid import uuid4

import pytest

from sagas.devserver.child import ProcessError
from sagas.devserver.servers import create_database, drop_database
from sagas.devserver.supervisor import Supervisor
from tests.system.running import REPOSITORY, manage, worker

SAGAS = """
    from sagas import Saga, SagaStep


    def greet(context):
        return {"greeting": f"Hello, {context['name']}"}


    greeting = Saga("greeting", [SagaStep("greet", greet)])
    """


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """With an app named `shop` in a folder that is on the path."""
    package = tmp_path / "apps" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "sagas.py").write_text(dedent(SAGAS))
    name, server = f"apps_{uuid4().hex[:8]}", os.environ["DATABASE_URL"]
    yield {
        **os.environ,
        "DATABASE_URL": create_database(server, name),
        # Not that of other tests, whose workers would take its hints.
        "CELERY_BROKER_URL": f"{os.environ['REDIS_URL'].rstrip('/')}/8",
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "apps"), str(REPOSITORY)]),
        "SAGA_APPS": " shop,",
    }
    drop_database(server, name)


def test_their_sagas_run(env: dict[str, str], tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs", REPOSITORY) as supervisor:
        supervisor.run(manage(env, "check"))
        supervisor.run(manage(env, "migrate", "-v0"))
        supervisor.start(worker("worker", env))
        context = '{"name": "Ada"}'
        supervisor.run(
            manage(env, "saga", "start", "greeting", "--context", context, "--saga-id", "hello")
        )
        supervisor.run(manage(env, "saga", "watch", "hello"))
        shown = supervisor.run(manage(env, "saga", "show", "hello"))
    assert shown.startswith("hello  greeting v1  completed")


@pytest.mark.parametrize("name", ["shopp", ".shop"])
def test_one_that_is_not_there_is_named(env: dict[str, str], tmp_path: Path, name: str) -> None:
    with (
        Supervisor(tmp_path / "logs", REPOSITORY) as supervisor,
        pytest.raises(ProcessError, match=rf"SAGA_APPS names '{name}', .* to PYTHONPATH"),
    ):
        supervisor.run(manage({**env, "SAGA_APPS": name}, "check"))
