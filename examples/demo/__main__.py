"""The demo's command line."""

import argparse
import sys
from pathlib import Path

import httpx
import psycopg
from kombu.exceptions import OperationalError
from rich.console import Console

from deploy.consul_binary import NoConsul
from examples.demo.chaos import CHAOS, NEEDS_CONSUL
from examples.demo.orders_file import OrdersFileError, load_orders
from examples.demo.saga_client import UnexpectedAnswer
from examples.demo.show import ROOT, Options, Show
from examples.demo.stack import AlreadyRunning
from sagas.devserver.child import ProcessError

# For all sagas together, in seconds; the slowest sample needs a tenth of it, a lease that has to
# end after an accident some tens more.
TIMEOUT_SECONDS = 120.0
# The width of the tables, in characters, where no terminal says how wide it is.
PLAIN_WIDTH = 160
# Exit statuses: bad input (as argparse has it), and ended by Ctrl-C (as a shell has it).
USAGE, INTERRUPTED = 2, 130
# What a person can act on without a traceback of this program.
EXPECTED = (
    AlreadyRunning,
    NoConsul,
    ProcessError,
    UnexpectedAnswer,
    OperationalError,
    httpx.HTTPError,
    psycopg.Error,
    OSError,
)


def main() -> int:
    """Run the demo; returns the exit status."""
    try:
        options = read_options()
    except OrdersFileError as error:
        print(error, file=sys.stderr)
        return USAGE
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    try:
        return 0 if Show(options, console).run() else 1
    except KeyboardInterrupt:
        console.print("Stopped; no process is left.")
        return INTERRUPTED
    except EXPECTED as error:
        console.print(f"The demo failed: {error or repr(error)}", style="red", markup=False)
        return 1


def read_options() -> Options:
    """Parse the command line and the file of orders. Raises OrdersFileError."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description="Send sample orders through sagas on real servers, and watch them.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="no live table; ends, with status 0 only if every order came out right",
    )
    parser.add_argument(
        "--consul",
        action="store_true",
        help="the services are found by Consul, and there are two instances of each",
    )
    parser.add_argument(
        "--chaos",
        action="append",
        choices=list(CHAOS),
        default=[],
        help="an accident in mid-run; may be given more than once",
    )
    parser.add_argument(
        "--orders",
        type=Path,
        default=ROOT / "examples" / "orders.toml",
        help="a file of sample orders (default: examples/orders.toml)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT_SECONDS,
        help="seconds for all sagas together (default: %(default)g)",
    )
    given = parser.parse_args()
    if NEEDS_CONSUL in given.chaos and not given.consul:
        parser.error(f"--chaos {NEEDS_CONSUL} needs a second instance to go on with: add --consul")
    return Options(given.check, given.consul, given.chaos, load_orders(given.orders), given.timeout)


if __name__ == "__main__":
    sys.exit(main())
