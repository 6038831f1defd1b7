"""`manage.py saga_relay [--at-most 60]`: how far the event bus is behind the database."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sagas import queries
from sagas.conf import conf
from sagas.management.arguments import positive


class Command(BaseCommand):
    help = (
        "Shows how many events wait to be put on the event bus by the workers' relay, and how old "
        "the oldest is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--at-most", type=positive, metavar="SECONDS", help="fail if the oldest is older"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not conf.EVENTS_URL:
            raise CommandError("There is no event bus: EVENTS_URL is empty.")
        lag = queries.relay_lag()
        said = (
            f"{lag.events} events of {lag.executions} sagas wait, "
            f"the oldest for {lag.seconds:.1f} s."
        )
        at_most = options["at_most"]
        if at_most is not None and lag.seconds > at_most:
            raise CommandError(f"{said} See whether a worker runs, and reaches EVENTS_URL.")
        self.stdout.write(said)
