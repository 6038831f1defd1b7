"""`saga dev`: what a project needs to run on a developer's machine."""

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from sagas.devserver.command import HELP, add_arguments, run
from sagas.devserver.environment import DevelopmentError
from sagas.management.verbs import Verb


def dev(command: BaseCommand, options: dict[str, Any]) -> None:
    try:
        run(options)
    except DevelopmentError as error:
        raise CommandError(str(error)) from error


VERBS: Final = {"dev": Verb(HELP, add_arguments, dev)}
