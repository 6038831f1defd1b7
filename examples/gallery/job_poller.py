"""A job that is submitted, and asked for until it is done.

The job is submitted, and its status is asked for every five minutes, for six hours at most. A job
that failed is a refusal: nobody asks again. A saga that turns back stops the job.

Reference: AWS Step Functions, Job Poller, "Poll for job status with Lambda and AWS Batch".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, ask, do, undo
from sagas import Context, Poll, Rejected, Saga, SagaStep


def submit_job(context: Context) -> Result:
    return do("submit_job", context, job="job-1")


def stop_job(context: Context) -> None:
    undo("stop_job", context)


def ask_for_status(context: Context) -> Result | None:
    if ask(context) < context["asks"]:
        return None
    if context.get("fails"):
        raise Rejected(f"{context['job']} failed.")
    return {"status": "succeeded"}


def report(context: Context) -> Result:
    return do("report", context)


job_poller = Saga(
    "job_poller",
    [
        SagaStep("submit_job", submit_job, stop_job),
        Poll("ask_for_status", ask_for_status, every=300, timeout=timedelta(hours=6)),
        SagaStep("report", report),
    ],
)
