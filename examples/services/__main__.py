"""Run one service: `python -m examples.services SERVICE --port N`.

Any number of instances, each on a port of its own, may share one database.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import django

from examples.services import SERVICES

# What puts the first rows into an empty database, for the services that need some.
SEEDS = {
    "users": "examples.services.users.seed.seed",
    "inventory": "examples.services.inventory.seed.seed",
}

# How often the registry asks whether an instance is well. Often: nobody waits for long to see that
# one is found, or missed.
CHECK_SECONDS = 1.0

# The advisory lock of whoever prepares the database: any number that nothing else there uses.
PREPARING = 7_203_441


def main() -> None:
    """Migrate and seed the database of one service, then serve it until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m examples.services", description=__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    arguments = parser.parse_args()

    # The server takes both signals over while it runs, and raises them again once it has ended.
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    # Assigned, not defaulted: the shell may hold the settings of the project that calls us.
    os.environ["DJANGO_SETTINGS_MODULE"] = "examples.services.settings"
    os.environ["SERVICE"] = arguments.service
    django.setup()
    prepare_database(arguments.service)
    with registered(arguments.service, arguments.port):
        serve(arguments.port)


def leave(signum: int, frame: FrameType | None) -> None:
    """End the process with status 0: being told to stop is not a failure."""
    sys.exit(0)


def prepare_database(service: str) -> None:
    """Bring the tables of `service` up to date, and seed them if they are empty.

    One instance at a time: the others wait, and find everything done. The lock belongs to the
    transaction, so it holds behind PgBouncer, too, and an instance that is killed leaves none.
    """
    # Imported here, because these need the settings, which need SERVICE.
    from django.core.management import call_command
    from django.db import OperationalError, connection, transaction
    from django.utils.module_loading import import_string

    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PREPARING])
            call_command("migrate", interactive=False, verbosity=0)
            if service in SEEDS:
                import_string(SEEDS[service])()
    except OperationalError as error:
        sys.exit(f"{service}: the database does not answer ({error}): check DATABASE_URL.")
    connection.close()  # back to the pool: this thread will not need it again


@contextmanager
def registered(service: str, port: int) -> Iterator[None]:
    """In the registry while the block runs; without one, nothing."""
    from sagas.services.registry import Presence, registry_of_settings

    url = f"http://127.0.0.1:{port}"
    presence = Presence(registry_of_settings(), service, url, "/health", CHECK_SECONDS)
    presence.start()
    try:
        yield
    finally:
        presence.stop()


def serve(port: int) -> None:
    """Serve until a signal ends it, then close the pool of connections."""
    from django.core.asgi import get_asgi_application
    from django.db import connection

    from examples.services.kit.faults import FaultInjection
    from examples.services.kit.server import run

    try:
        run(FaultInjection(get_asgi_application()), port)
    finally:
        connection.close_pool()


if __name__ == "__main__":
    main()
