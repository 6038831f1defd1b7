"""One run of the demo, from the first server to the last address."""

import asyncio
import contextlib
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from deploy.local_consul import local_consul
from examples.demo.board import Board
from examples.demo.customer import SLOW, Customer
from examples.demo.ledgers import Entry, by_saga, fetch_ledgers, sums
from examples.demo.orders_file import SampleOrder
from examples.demo.play import Play
from examples.demo.stack import (
    ADMIN_USER,
    CUSTOMER,
    DATABASE,
    Stack,
    alone,
    log_folder,
    start_stack,
)
from examples.demo.verdict import judge
from examples.demo.views import ledger_table, legend, live_view, plain_lines, result_table
from sagas.devserver.interrupts import Interrupts
from sagas.devserver.servers import servers
from sagas.devserver.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"


@dataclass(frozen=True)
class Options:
    """What the command line asks for; `timeout`, for all sagas together, is in seconds. `consul`:
    the services are found by it, and there are two of each."""

    check: bool
    consul: bool
    chaos: list[str]
    orders: list[SampleOrder]
    timeout: float


class Show:
    """One run of the demo on a console."""

    def __init__(self, options: Options, console: Console) -> None:
        self.options = options
        self.console = console
        self.run_id = f"{datetime.now(UTC):%Y%m%d-%H%M}-{secrets.token_hex(2)}"

    def say(self, line: str) -> None:
        """One line for a person."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def run(self) -> bool:
        """Start everything, play the orders, show what came of them; whether all of it is right.

        Without `check` it stays up until Ctrl-C. Raises AlreadyRunning, and what `servers`,
        `start_stack` and `Play.play` raise; leaves no process behind in any case.
        """
        began = time.monotonic()
        with contextlib.ExitStack() as exits:
            interrupts = exits.enter_context(Interrupts())
            exits.enter_context(alone(LOCAL))
            logs = log_folder(LOCAL, self.run_id)
            self.say(f"Run {self.run_id}, its logs are in {logs.relative_to(ROOT)}")
            found = exits.enter_context(servers(LOCAL, self.say, interrupts))
            supervisor = exits.enter_context(Supervisor(logs, ROOT, self.say, interrupts))
            self.say(f"Databases: {DATABASE} and {DATABASE}_SERVICE for each service, made anew")
            consul = None
            if self.options.consul:
                consul = exits.enter_context(local_consul(LOCAL, interrupts)).address
                self.say(f"Consul: embedded, http://{consul}/ui")
            two = "two instances of each of " if consul else ""
            self.say(
                f"Starting {two}five services, the web server, two workers, a consumer and Flower …"
            )
            running = start_stack(supervisor, found, LOCAL, consul)
            self.say(f"Ready after {time.monotonic() - began:.1f} s.")
            right = self.play(running)
            customer = Customer(self.run_id, running)
            right = self.watch_an_order(customer) and right
            if not self.options.check:
                self.stay(running, customer)
                self.say("Stopping everything …")
            return right

    def play(self, stack: Stack) -> bool:
        """Play the orders, and print the tables and whatever is wrong."""
        board = Board(self.options.orders)
        live = self.console.is_terminal and not self.options.check
        changed = None if live else plain_lines(self.console)
        play = Play(self.run_id, stack, board, self.options.chaos, self.say, changed)
        with live_view(self.console, board) if live else contextlib.nullcontext():
            sagas = asyncio.run(play.play(self.options.timeout))
        entries = fetch_ledgers(stack.service_urls, f"{self.run_id}-")
        of_saga = by_saga(entries)
        problems = {
            order.id: judge(
                order,
                board.progress[order.id],
                sagas[order.id],
                of_saga.get(play.saga_id(order), []),
            )
            for order in board.orders
        }
        self.console.print(result_table(board, problems), legend(), ledger_table(sums(entries)))
        took_over = self.tell_who_took_over(stack, entries)
        return self.conclude(problems, stack) and took_over

    def tell_who_took_over(self, stack: Stack, entries: list[Entry]) -> bool:
        """Print what the other instance of a killed one did since then; whether it did anything."""
        ok = True
        for service, instances in stack.instances.items():
            for killed in stack.killed.keys() & set(instances):
                since = [e for e in entries if e.service == service and e.at > stack.killed[killed]]
                other = next(name for name in instances if name != killed)
                self.say(f"{other} took over from {killed}: {len(since)} entries since then.")
                ok = ok and bool(since)
        return ok

    def watch_an_order(self, customer: Customer) -> bool:
        """A customer comes and orders, by events, and writes on the page of the order; whether all
        of it is there."""
        customer.come()
        wrong = customer.follow(customer.order("by-event"))
        self.say(wrong or "A customer's order came by an event, and is complete on its page.")
        return not wrong

    def conclude(self, problems: dict[str, list[str]], stack: Stack) -> bool:
        """Print the verdict; whether everything is right."""
        wrong = {order: found for order, found in problems.items() if found}
        if not wrong:
            self.say(f"All {len(problems)} orders ended as their samples say; the ledgers add up.")
            return True
        self.say(f"{len(wrong)} of {len(problems)} orders are wrong:")
        for order, found in wrong.items():
            for problem in found:
                self.say(f"  {order}: {problem}")
        self.say(f"Look into the logs in {stack.supervisor.logs}, those of the workers first.")
        return False

    def stay(self, stack: Stack, customer: Customer) -> None:
        """Print the addresses, and return on Ctrl-C: the one wait without a limit."""
        slow = customer.order("slow", SLOW)
        web = stack.web_url
        flower = stack.flower_url.replace("//", f"//{ADMIN_USER}:{stack.admin_password}@")
        self.say(f"\nConsole            {web}/  ({ADMIN_USER}, {stack.admin_password})")
        self.say(f"API documentation  {web}/api/v1/docs")
        self.say(f"Admin              {web}/admin/  ({ADMIN_USER}, {stack.admin_password})")
        self.say(f"A saga, live       {web}/live/SAGA_ID  (log in to the admin first)")
        self.say(f"An order's page    {slow}  ({CUSTOMER}, {stack.customer_password})")
        self.say("                   just placed; open it a second time as admin, and talk")
        self.say(f"Flower             {flower}")
        self.say(f"Logs               {stack.supervisor.logs.relative_to(ROOT)}")
        self.say(f"API token          {stack.token}")
        self.say("\nCtrl-C stops everything.")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
