"""`manage.py saga dev` at the command line, with Django or without."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sagas import extras
from sagas.devserver.environment import DevelopmentError

FOLDER: Final = Path(".local") / "dev"

HELP: Final = (
    "start an embedded PostgreSQL and Valkey, migrate, and print the environment to reach them; "
    "with --run, also start a web process and a worker, which restart when code changes"
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--run", action="store_true", help="also start a web process and a worker")
    parser.add_argument(
        "--folder",
        type=Path,
        default=FOLDER,
        help="where to keep data and logs (default: .local/dev)",
    )
    parser.add_argument(
        "--port", type=_port, default=8000, help="of the web process (default: 8000)"
    )
    parser.add_argument(
        "--concurrency", type=_positive, default=1, help="of the worker (default: 1)"
    )
    parser.add_argument(
        "--app", default="", help="the Celery app, as for `celery -A`, if it is not found"
    )


def main(argv: list[str]) -> int:
    """The command without Django; returns the exit code."""
    parser = ArgumentParser(prog="saga dev", description=HELP)
    add_arguments(parser)
    try:
        run(vars(parser.parse_args(argv)))
    except DevelopmentError as error:
        print(f"saga dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before there was anything to end
        return 130
    return 0


def run(options: Mapping[str, Any]) -> None:
    """Runs until Ctrl-C or SIGTERM, and leaves no process behind. Raises `DevelopmentError`."""
    if missing := extras.missing("dev"):
        raise DevelopmentError(f"Not installed: {', '.join(missing)}. Run: {extras.command('dev')}")
    from sagas.devserver.serving import Options, serve  # it imports what is needed

    names = ("run", "port", "concurrency", "app")
    serve(options["folder"].resolve(), Options(**{name: options[name] for name in names}))


def _port(text: str) -> int:
    number = _positive(text)
    if number > 65535:
        raise ArgumentTypeError(f"{number} is not a port: write 65535 or less.")
    return number


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number: write 1 or more.")
    return int(text)
