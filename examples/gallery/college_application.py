"""A college application that is complete once three papers are there.

The application, the test scores and the transcripts come in any order, each as a signal; one may
have come before the saga looks for it. Then the application is finalized. If one is missing after
ninety days, the place that was held is given to somebody else.

Reference: Serverless Workflow, finalize college application, "Examples".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Parallel, Pivot, Saga, SagaStep, WaitFor


def hold_place(context: Context) -> Result:
    return do("hold_place", context, place="place-1")


def give_up_place(context: Context) -> None:
    undo("give_up_place", context)


def finalize(context: Context) -> Result:
    papers = ("application", "scores", "transcripts")
    return do("finalize", context, finalized=[context[paper] for paper in papers])


college_application = Saga(
    "college_application",
    [
        SagaStep("hold_place", hold_place, give_up_place),
        Parallel(
            WaitFor("application", timeout=timedelta(days=90)),
            WaitFor("scores", timeout=timedelta(days=90)),
            WaitFor("transcripts", timeout=timedelta(days=90)),
        ),
        Pivot("finalize", finalize),
    ],
)
