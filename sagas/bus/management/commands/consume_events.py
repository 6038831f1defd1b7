"""`manage.py consume_events [--handler NAME …]`: runs the apps' event handlers."""

import signal
from argparse import ArgumentParser
from threading import Event
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sagas.bus import Bus
from sagas.bus.consumer import Consumption
from sagas.bus.events import handlers


class Command(BaseCommand):
    help = (
        "Calls the handlers in the apps' handlers.py for the events that they listen to. Start as "
        "many processes as are needed. SIGTERM ends it after the event that it is at."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--handler", action="append", metavar="NAME", help="only this one; may be repeated"
        )
        parser.add_argument("--list", action="store_true", help="show the handlers, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        handlers.discover()
        wanted = options["handler"] or [handler.name for handler in handlers]
        found = [handler for name in wanted if (handler := handlers.find(name))]
        if len(found) < len(wanted):
            known = ", ".join(sorted(handler.name for handler in handlers)) or "none"
            raise CommandError(f"Not all of these are handlers. Known: {known}.")
        if options["list"]:
            for handler in found:
                self.stdout.write(f"{handler.name}: {', '.join(handler.patterns)}")
            return
        bus = Bus.from_settings()
        if bus is None:
            raise CommandError("There is no event bus: EVENTS_URL is empty.")
        if not found:
            raise CommandError("No app has a handlers.py with @on_event in it.")
        stopping = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        Consumption(bus, found, stopping).run()
