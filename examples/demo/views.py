"""What the terminal shows: a live line a saga, or plain lines; at the end, tables."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from examples.demo.board import Board
from examples.demo.orders_file import STEPS, SampleOrder
from examples.demo.progress import Mark, Progress

STATUS_STYLES = {"completed": "green", "compensated": "cyan", "failed": "bold red"}
# Frames a second: a step takes some tens of milliseconds, an eye sees no more than this.
REFRESH_RATE = 10
# Lines around the sagas in the live table: head, rules, legend, and one for the cursor.
FRAME_LINES = 7

View = Callable[[SampleOrder, Progress], None]


class LiveTable:
    """The sagas of a board, drawn anew each time that rich asks for it."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One line a saga; in a low window those that have ended make room first."""
        board, now = self._board, datetime.now(UTC)
        orders = board.orders
        too_many = len(orders) - max(1, console.height - FRAME_LINES)
        if too_many > 0:
            ended = [order.id for order in orders if board.progress[order.id].has_ended]
            hidden = set(ended[:too_many])
            orders = [order for order in orders if order.id not in hidden]
        table = Table("saga", *map(short, STEPS))
        # As wide as they will ever be, or the whole table would jump.
        table.add_column("status", min_width=len("compensating"))
        table.add_column("seconds", min_width=len("100.0"), justify="right")
        for order in orders:
            progress = board.progress[order.id]
            table.add_row(
                order.id,
                *(sign(progress.step(step).mark) for step in STEPS),
                styled_status(progress.status),
                f"{progress.seconds(now):.1f}",
            )
        yield table
        yield legend(f"{board.ended()} of {len(board.orders)} ended")


def live_view(console: Console, board: Board) -> Live:
    """The live table, for as long as the block lasts and gone after it; needs a terminal."""
    return Live(LiveTable(board), console=console, refresh_per_second=REFRESH_RATE, transient=True)


def plain_lines(console: Console) -> View:
    """A view that writes a line for each start and each end of a saga."""

    def show(order: SampleOrder, progress: Progress) -> None:
        if progress.last_seq == 1:
            console.print(f"{order.id}: started", highlight=False)
        elif progress.has_ended and progress.ended:
            seconds = progress.seconds(progress.ended)
            console.print(f"{order.id}: {progress.status} after {seconds:.1f} s", highlight=False)

    return show


def result_table(board: Board, problems: Mapping[str, list[str]]) -> Table:
    """What became of each saga; `problems` are by order id, an order without any is fine."""
    table = Table(
        "saga", "what it shows", "outcome", "steps", "attempts", "seconds", "right?", title="Sagas"
    )
    now = datetime.now(UTC)
    for order in board.orders:
        progress = board.progress[order.id]
        steps = [progress.step(step) for step in STEPS]
        outcome = styled_status(progress.status)
        if progress.status != order.expect:
            outcome.append(f" (expected {order.expect})", "bold red")
        fine = not problems.get(order.id)
        table.add_row(
            order.id,
            order.why,
            outcome,
            Text(" ").join(sign(step.mark) for step in steps),
            " ".join(attempts(step.attempts, step.compensation_attempts) for step in steps),
            f"{progress.seconds(now):.1f}",
            Text("yes", "green") if fine else Text("NO", "bold red"),
        )
    return table


def ledger_table(sums: Mapping[tuple[str, str], tuple[int, int]]) -> Table:
    """The services' ledgers in total: entries and sum for each kind, and what is left."""
    table = Table("service", "kind", "entries", "sum", title="Ledgers of the services")
    services = dict.fromkeys(service for service, _ in sums)
    for service in services:
        kinds = {kind: found for (owner, kind), found in sums.items() if owner == service}
        for kind, (count, total) in sorted(kinds.items()):
            table.add_row(service, kind, str(count), f"{total:+d}")
        table.add_row(service, "net", "", f"{sum(total for _, total in kinds.values()):+d}")
        table.add_section()
    return table


def legend(prefix: str = "") -> Text:
    """What each sign means, in one line."""
    line = Text(f"{prefix}   " if prefix else "", "dim")
    for mark in Mark:
        line.append(mark.sign, mark.style).append(f" {mark.word}  ", "dim")
    return line


def sign(mark: Mark) -> Text:
    """A mark as one coloured character."""
    return Text(mark.sign, mark.style)


def styled_status(status: str) -> Text:
    """A saga's status in its colour."""
    return Text(status, STATUS_STYLES.get(status, "yellow"))


def attempts(forward: int, back: int) -> str:
    """`2`, or `2<1` with one attempt of the compensation."""
    return f"{forward}<{back}" if back else str(forward)


def short(step: str) -> str:
    """The object of a step's name: `process_payment` is `payment`."""
    return step.partition("_")[2]
