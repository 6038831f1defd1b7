"""Counts the messages that Celery has published, in whatever process: a byte of a file for each.

Neither the store nor Celery's events can be believed here: `hints_sent` starts again with each
transition, and events get lost where there are many.
"""

import os
from pathlib import Path
from typing import Any

from celery.signals import after_task_publish

FOLDER = os.environ.get("PROBE_FOLDER")
"""Of the processes that a test starts; the test's own publishes messages, too, and counts none."""


def count(sender: str, **_: Any) -> None:
    assert FOLDER is not None, "it is connected only then"
    file = os.open(_file(Path(FOLDER), sender), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, b".")
    finally:
        os.close(file)


if FOLDER is not None:
    after_task_publish.connect(count)


def published(folder: Path, task: str) -> int:
    """How many messages there were for that task so far."""
    path = _file(folder, task)
    return path.stat().st_size if path.exists() else 0


def _file(folder: Path, task: str) -> Path:
    return folder / f"{task}.published"
