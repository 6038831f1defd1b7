"""The servers that a project needs, migrated, and the project itself where that is wanted."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import psycopg

from sagas.devserver import environment
from sagas.devserver.child import Command, ProcessError
from sagas.devserver.environment import DevelopmentError
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.postgres import local_postgres
from sagas.devserver.processes import is_taken, run_reloading, web_command, worker_command
from sagas.devserver.project import Project
from sagas.devserver.servers import create_database, local_valkey
from sagas.devserver.supervisor import Supervisor

DATABASE: Final = "sagas_dev"
LIMIT_SECONDS: Final = 600.0
"""For the project to load, and for all its migrations: seconds, on a machine that is free."""


@dataclass(frozen=True)
class Options:
    """`run`: a web process on `port` and a worker with `concurrency` processes, too. `app` is
    Celery's, empty for the one that is found."""

    run: bool
    port: int
    concurrency: int
    app: str


def serve(folder: Path, options: Options) -> None:
    """Runs until Ctrl-C or SIGTERM, its data in `folder`; prints the environment.

    Raises `DevelopmentError`; nothing is left running in any case.
    """
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        raise DevelopmentError("DJANGO_SETTINGS_MODULE is not set: use the project's manage.py.")
    if options.run and is_taken(options.port):
        raise DevelopmentError(f"Port {options.port} is in use: name another with --port.")
    try:
        with (
            Interrupts() as interrupts,
            environment.alone(folder),
            local_postgres(folder, interrupts) as server,
            local_valkey(folder, interrupts) as redis_url,
            Supervisor(folder / "logs", Path.cwd(), _say, interrupts) as supervisor,
        ):
            values = environment.environment(folder, create_database(server, DATABASE), redis_url)
            _serve(supervisor, values, folder, options)
    except KeyboardInterrupt:
        _say("Ended.")
    except (ProcessError, TimeoutError, psycopg.OperationalError) as error:
        raise DevelopmentError(str(error)) from error


def _serve(
    supervisor: Supervisor,
    values: dict[str, str],
    folder: Path,
    options: Options,
) -> None:
    env = {**os.environ, **values, "PYTHONUNBUFFERED": "1"}
    # `manage.py` makes its folder importable for itself alone.
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (sys.path[0], os.environ.get("PYTHONPATH"))))
    python = [sys.executable, "-m"]
    asked = supervisor.run(
        Command("project", [*python, "sagas.devserver.project"], env), LIMIT_SECONDS
    )
    project = Project.parse(asked)
    _check_database(project, values["DATABASE_URL"])
    migrate = Command("migrate", [*python, "django", "migrate", "--noinput"], env)
    supervisor.run(migrate, LIMIT_SECONDS)
    lines = environment.export_lines(values)
    environment.write_privately(folder / environment.FILE, lines)
    print(lines, end="", flush=True)
    _say(f"PostgreSQL and Valkey are running. In another terminal: . {folder / environment.FILE}")
    if not options.run:
        while True:
            signal.pause()
    app = options.app or project.celery
    if not app:
        raise DevelopmentError(
            "No Celery application was found: there is no celery_app.py, and no celery.py beside "
            "the settings. Name its module with --app."
        )
    _say(f"The web process is http://127.0.0.1:{options.port}; Ctrl-C ends it all.")
    worker = worker_command(app, options.concurrency, env)
    web = web_command(project.asgi, options.port, env)
    run_reloading(supervisor, [worker, web], _say, folder)


def _check_database(project: Project, url: str) -> None:
    if (project.database, project.host) != (DATABASE, unquote(urlsplit(url).hostname or "")):
        raise DevelopmentError(
            "The project's settings don't take their database from DATABASE_URL, so it would not "
            "use this one. Write DATABASES = {'default': dj_database_url.parse(os.environ"
            "['DATABASE_URL'])}, or run it on your own servers without this command."
        )


def _say(line: str) -> None:
    """A line for a person; not on standard output, which is for a shell to read."""
    print(line, file=sys.stderr, flush=True)
