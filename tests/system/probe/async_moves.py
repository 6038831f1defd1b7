"""What the async saga of these tests does, by its script. A line of its journal ends with the
process and the event loop."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from sagas import Rejected, Unreachable
from tests.worker.raising import raise_it

FOLDER = Path(os.environ.get("PROBE_FOLDER", "."))
RAISE = "raise "

_clients: dict[asyncio.AbstractEventLoop, AsyncExitStack] = {}


def note(context: Any, what: str = "") -> None:
    _, step, direction = context["idempotency_key"].split(":")
    words = (step, what or direction, str(context["attempt"]), process())
    with (FOLDER / f"{context['saga_id']}.journal").open("a") as lines:
        lines.write(" ".join(words) + "\n")


def process() -> str:
    return f"{os.getpid()}/{id(asyncio.get_running_loop())}"


@asynccontextmanager
async def client() -> AsyncIterator[None]:
    """As one that is made once and used by all steps."""
    with (FOLDER / "clients.journal").open("a") as lines:
        lines.write(f"opened {process()}\n")
    try:
        yield
    finally:
        await asyncio.sleep(0)
        with (FOLDER / "clients.journal").open("a") as lines:
            lines.write(f"closed {process()}\n")


async def wait_for_end(context: Any) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)
        note(context, "ended")


async def hang_on(context: Any) -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


async def block(context: Any) -> None:
    time.sleep(60)


async def leak(context: Any) -> None:
    context["task"] = asyncio.create_task(wait_for_end(context))
    await asyncio.sleep(0)


async def nap(context: Any) -> None:
    await asyncio.sleep(0.05)


async def reject(context: Any) -> None:
    raise Rejected("as the script says")


async def be_unreachable(context: Any) -> None:
    raise Unreachable("as the script says")


MOVES: dict[str, Callable[[Any], Awaitable[None]]] = {
    "ok": lambda context: asyncio.sleep(0),
    "nap": nap,
    "hang": wait_for_end,
    "hang on": hang_on,
    "block": block,
    "leak": leak,
    "reject": reject,
    "unreachable": be_unreachable,
}


async def play(context: Any) -> Any:
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = AsyncExitStack()
        await _clients[loop].enter_async_context(client())
    note(context)
    _, step, direction = context["idempotency_key"].split(":")
    name = step if direction == "action" else f"undo_{step}"
    script = context["script"]
    move = script.get(f"{name}:{context['attempt']}") or script.get(name, "ok")
    if move.startswith(RAISE):
        raise_it(move.removeprefix(RAISE))
    await MOVES[move](context)
    return {name: context["attempt"]}


async def ask(context: Any) -> Any:
    """The probe: an attempt that hung has happened, any other has not."""
    await asyncio.sleep(0)
    note(context, "asked")
    return {"told": True} if context["script"].get("told") else None
