"""Notes the messages that Celery has published, in whatever process: a line of a file for each.

Neither the store nor Celery's events can be believed here: `hints_sent` starts again with each
transition, and events get lost where there are many.
"""

import os
from pathlib import Path
from typing import Any

from celery.signals import after_task_publish

FOLDER = os.environ.get("PROBE_FOLDER")
"""Of the processes that a test starts; the test's own publishes messages, too, and counts none."""


def note(sender: str, headers: Any = None, **_: Any) -> None:
    assert FOLDER is not None, "it is connected only then"
    file = os.open(_file(Path(FOLDER), sender), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, f"{(headers or {}).get('id')}\n".encode())
    finally:
        os.close(file)


if FOLDER is not None:
    after_task_publish.connect(note)


def published(folder: Path, task: str) -> list[str]:
    """The ids of the messages that there were for that task so far."""
    path = _file(folder, task)
    return path.read_text().splitlines() if path.exists() else []


def _file(folder: Path, task: str) -> Path:
    return folder / f"{task}.published"
