"""A job that is monitored, and reported either way.

The job is submitted and asked for every half minute. That it failed is an answer here, not an
error: the saga reports the success or the failure, and completes. Only if there is no answer within
ten minutes does it turn back, and cancel the job.

Reference: Serverless Workflow, monitor job for completion, "Examples".
"""

from examples.gallery.ledger import Result, ask, do, undo
from sagas import Choice, Context, Poll, Saga, SagaStep


def submit_job(context: Context) -> Result:
    return do("submit_job", context, job="job-1")


def cancel_job(context: Context) -> None:
    undo("cancel_job", context)


def ask_for_end(context: Context) -> Result | None:
    return None if ask(context) < context["asks"] else {"outcome": context["outcome_is"]}


def report_success(context: Context) -> Result:
    return do("report_success", context)


def report_failure(context: Context) -> Result:
    return do("report_failure", context)


monitor_job = Saga(
    "monitor_job",
    [
        SagaStep("submit_job", submit_job, cancel_job),
        Poll("ask_for_end", ask_for_end, every=30, timeout=600),
        Choice(
            "by_outcome",
            "outcome",
            {"succeeded": SagaStep("report_success", report_success)},
            otherwise=SagaStep("report_failure", report_failure),
        ),
    ],
)
