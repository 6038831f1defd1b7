"""`manage.py saga VERB …`: everything that is done with sagas at the command line.

manage.py saga list --status failed
manage.py saga retry order-7 --reason "the bank is back"
manage.py saga pause --type order_processing --status running --reason "stock-taking"

Each group of verbs is a module beside this package, with a table `VERBS`.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from django.apps import apps
from django.core.management.base import BaseCommand

from sagas.errors import SagaError
from sagas.management import (
    adopting,
    compatibility,
    dev,
    operating,
    pruning,
    reading,
    starting,
    tasks,
    tokens,
    watching,
)
from sagas.management.verbs import Verb, command_error

MODULES: Final = (
    *(starting, watching, reading, tasks, operating, adopting),
    *(tokens, pruning, compatibility, dev),
)
OPTIONAL: Final = {"sagas.bus": "sagas.management.events"}
"""App → the module of its verbs, which imports what not every project has."""

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as a shell has it."""


class Command(BaseCommand):
    help = "Starts, shows and operates sagas."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name, verb in _verbs().items():
            verb.add_arguments(verbs.add_parser(name, help=verb.help, description=verb.help))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _verbs()[options["verb"]].run(self, options)
        except SagaError as error:
            raise command_error(error) from error

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            super().run_from_argv(argv)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _verbs() -> Mapping[str, Verb]:
    optional = [import_module(name) for app, name in OPTIONAL.items() if apps.is_installed(app)]
    return {name: verb for module in (*MODULES, *optional) for name, verb in module.VERBS.items()}
