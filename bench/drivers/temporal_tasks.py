"""A workflow of five empty activities for Temporal."""

from datetime import timedelta
from typing import Final

from temporalio import activity, workflow

STEPS: Final = 5
QUEUE: Final = "bench"


@activity.defn
def nothing() -> None:
    """No effect."""


@workflow.defn
class Five:
    @workflow.run
    async def run(self) -> None:
        for _ in range(STEPS):
            await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=30))
