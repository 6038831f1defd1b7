"""A background check with the candidate's consent.

The candidate has a week to consent. The social security number is traced first; then the searches
run side by side: that of the courts, and in the full package that of former employers. Each is a
saga of its own: one that fails does not stop the other, and is named in the report.

Reference: Temporal, background check, "Background Check application".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, Parallel, Saga, SagaStep, SubSaga, WaitFor


def open_check(context: Context) -> Result:
    return do("open_check", context, check="check-1")


def close_check(context: Context) -> None:
    undo("close_check", context)


def trace_number(context: Context) -> Result:
    return do("trace_number", context)


def search_courts(context: Context) -> Result:
    return do("search_courts", context)


def search_employers(context: Context) -> Result:
    return do("search_employers", context)


def send_report(context: Context) -> Result:
    searches = ("court_search", "employer_search")
    failed = [each for each in searches if f"{each}_failed" in context]
    return do("send_report", context, failed=failed)


court_search = Saga("court_search", [SagaStep("search_courts", search_courts)])
employer_search = Saga("employer_search", [SagaStep("search_employers", search_employers)])

background_check = Saga(
    "background_check",
    [
        SagaStep("open_check", open_check, close_check),
        WaitFor("consent", timeout=timedelta(weeks=1)),
        SagaStep("trace_number", trace_number),
        Parallel(
            SubSaga("court_search", on_failure="continue"),
            Choice(
                "package", "package", {"full": SubSaga("employer_search", on_failure="continue")}
            ),
        ),
        SagaStep("send_report", send_report),
    ],
)
