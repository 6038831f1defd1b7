"""A task that calls back with its token.

A message goes to a queue, with a token. Whoever takes it does the work, and answers with that
token, within an hour. The token is the saga's id: the answer is a signal to it, which may come even
before the saga waits.

Reference: AWS Step Functions, Callback Pattern Example, "Create a callback pattern example with
Amazon SQS, Amazon SNS, and Lambda".
"""

from datetime import timedelta

from examples.gallery.ledger import Result, do, undo
from sagas import Choice, Context, Rejected, Saga, SagaStep, WaitFor


def send_message(context: Context) -> Result:
    return do("send_message", context, token=context.saga_id)


def recall_message(context: Context) -> None:
    undo("recall_message", context)


def notify_success(context: Context) -> Result:
    return do("notify_success", context)


def give_up(context: Context) -> None:
    raise Rejected(f"The task failed: {context['callback'].get('cause')}.")


callback_token = Saga(
    "callback_token",
    [
        SagaStep("send_message", send_message, recall_message),
        WaitFor("callback", timeout=timedelta(hours=1)),
        Choice(
            "by_answer",
            "callback.succeeded",
            {True: SagaStep("notify_success", notify_success)},
            otherwise=SagaStep("give_up", give_up),
        ),
    ],
)
