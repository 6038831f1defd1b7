"""Where executions are kept that are deleted from the database: a file of JSON lines."""

import gzip
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from sagas.engine import Archive


@contextmanager
def archive_to(name: str) -> Iterator[Archive]:
    """What writes to a new file of that name, gzipped if it ends in `.gz`; to standard output if it
    is `-`. What it has taken is on the disk when it returns: but for standard output, where that
    is up to whoever reads it.

    Raises `FileExistsError` if there is one: what a killed run has left may end in the middle of a
    line, and nothing should follow that. A file to which nothing was written is removed.
    """
    if name == "-":
        yield lambda lines: _write(sys.stdout.buffer, lines)
        return
    path = Path(name)
    with path.open("xb") as file:
        _sync(path.parent)  # that there is such a file

        def keep(lines: Iterable[str]) -> None:
            # A gzip member to each batch: what was synced can be read, whatever became of the next.
            packed = gzip.GzipFile(fileobj=file, mode="wb") if path.suffix == ".gz" else None
            with packed or nullcontext(file) as target:
                _write(target, lines)
            file.flush()
            os.fsync(file.fileno())

        yield keep
    if not path.stat().st_size:
        path.unlink()


def _write(target: BinaryIO | gzip.GzipFile, lines: Iterable[str]) -> None:
    for line in lines:
        target.write(f"{line}\n".encode())
    target.flush()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
