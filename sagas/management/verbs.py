"""What the verbs of `manage.py saga` share: their form, and how errors are told."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from sagas.errors import (
    BadInput,
    Conflict,
    LockHeld,
    NoSuchExecution,
    OperationRefused,
    SagaError,
    UnknownSaga,
)

ERRORS: Final[dict[type[SagaError], tuple[int, str]]] = {
    BadInput: (2, "bad input"),  # 2 is what argparse exits with, too
    UnknownSaga: (3, "unknown saga"),
    Conflict: (4, "conflict"),
    LockHeld: (4, "locked"),
    OperationRefused: (5, "refused"),
    NoSuchExecution: (6, "not found"),
}
"""The exit code, and the words before the message."""

SEVERAL_ERRORS: Final = 1
"""The exit code where sagas failed for more than one of these reasons."""


@dataclass(frozen=True)
class Verb:
    """One verb. `run` gets the command, which it writes to, and the options; it raises
    `CommandError` or `SagaError`."""

    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[BaseCommand, dict[str, Any]], None]


def command_error(error: SagaError) -> CommandError:
    """The error of the command line that an error of the engine becomes."""
    code, words = ERRORS[type(error)]
    return CommandError(f"{words}: {error}", returncode=code)


def for_each(command: BaseCommand, saga_ids: Iterable[str], do: Callable[[str], None]) -> None:
    """Does it for each saga, whatever becomes of the others. Raises `CommandError` at the end if
    it failed for one."""
    wanted, codes = dict.fromkeys(saga_ids), []
    for saga_id in wanted:
        try:
            do(saga_id)
        except SagaError as error:
            code, words = ERRORS[type(error)]
            codes.append(code)
            # The engine's own words for a refusal begin with the saga_id, too.
            command.stderr.write(f"{saga_id}: {words}: {str(error).removeprefix(f'{saga_id}: ')}")
    if codes:
        code = codes[0] if len(set(codes)) == 1 else SEVERAL_ERRORS
        done = len(wanted) - len(codes)
        raise CommandError(f"{done} of {len(wanted)} done.", returncode=code)
