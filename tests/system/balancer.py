"""What stands between clients and web processes: takes a connection to any of them, and cuts."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class Balancer:
    """On a port of its own; `url` is where clients connect."""

    def __init__(self, ports: Sequence[int], chance: random.Random) -> None:
        self._ports = ports
        self._chance = chance
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.connections = 0

    def cut(self, share: float) -> None:
        """Resets about that share of the connections, in the middle of whatever they carry."""
        for writer in list(self._writers):
            if self._chance.random() < share:
                writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        back: asyncio.StreamWriter | None = None
        self._writers.add(writer)
        try:
            port = self._chance.choice(self._ports)
            answers, back = await asyncio.open_connection("127.0.0.1", port)
            ways = {
                asyncio.create_task(pass_on(reader, back)),
                asyncio.create_task(pass_on(answers, writer)),
            }
            _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in left:
                way.cancel()
        except OSError:
            pass  # that web process is down
        finally:
            self._writers.discard(writer)
            writer.close()
            if back is not None:
                back.close()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def balancer(ports: Sequence[int], chance: random.Random) -> AsyncIterator[Balancer]:
    made = Balancer(ports, chance)
    server = await asyncio.start_server(made._carry, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        made.cut(1)
