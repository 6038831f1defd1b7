"""`manage.py replay_dead_letters --list | --all | --handler NAME | ID …`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sagas.bus import dead_letters


class Command(BaseCommand):
    help = "Lets the consumers of events try dead letters again, from the first try on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", nargs="*", type=int, help="of a letter, as --list shows it")
        parser.add_argument("--handler", metavar="NAME", help="all of this handler's")
        parser.add_argument("--all", action="store_true", help="all that there are")
        parser.add_argument("--list", action="store_true", help="show them, and do nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = dead_letters.dead().defer("body", "traceback", "headers")
        if options["handler"]:
            chosen = chosen.filter(handler=options["handler"])
        if options["id"]:
            chosen = chosen.filter(pk__in=options["id"])
        if options["list"]:
            for letter in chosen.iterator():
                reason = letter.reason.partition("\n")[0][:100]
                self.stdout.write(f"{letter.pk}\t{letter}\ttries {letter.tries}\t{reason}")
            return
        if not (options["id"] or options["handler"] or options["all"]):
            raise CommandError("Say which: ids, --handler NAME or --all. --list shows them.")
        self.stdout.write(f"{dead_letters.replay(chosen)} letters are tried again now.")
