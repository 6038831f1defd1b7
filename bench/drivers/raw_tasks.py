"""Celery with nothing around it: a task that does nothing, whose result nobody keeps.

That it ran is one byte at the end of a file: what costs a system call is still nothing beside a
message, and nothing else would tell.
"""

import os
from typing import Final

from celery import Celery

ENDED: Final = os.environ["BENCH_ENDED"]

app = Celery("raw", broker=os.environ["CELERY_BROKER_URL"])
app.conf.task_ignore_result = True
_ended: Final = os.open(ENDED, os.O_WRONLY | os.O_APPEND)


@app.task
def nothing() -> None:
    os.write(_ended, b".")
