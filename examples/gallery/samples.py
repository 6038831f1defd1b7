"""The samples that the gallery is about: what says each of them, or what is missing."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sample:
    product: str
    name: str
    said: str
    """By which construct, in Markdown; or what the engine lacks."""
    module: str = ""
    """The example in this package; empty for none."""


STEP_FUNCTIONS: Final = "AWS Step Functions"
BASKET: Final = "missing: a time that begins anew with each signal"
SPECIFICATION: Final = "Serverless Workflow"

SAMPLES: Final = (
    Sample("Restate, Camunda", "Trip booking", "`SagaStep` with compensations", "trip_booking"),
    Sample("Eventuate", "Customers and orders", "`Rejected`, `Pivot`", "customers_and_orders"),
    Sample(SPECIFICATION, "Purchase order deadline", "`Saga(deadline=)`", "purchase_order"),
    Sample(
        "Temporal, Camunda",
        "Expense, with escalation",
        "`WaitFor(form=, assignee=, permission=, four_eyes=)`, `Choice` of `Between` and `Present`",
        "expense_approval",
    ),
    Sample(STEP_FUNCTIONS, "Job Poller", "`Poll`", "job_poller"),
    Sample("Several", "Dunning with reminders", "`WaitFor(remind=, timeout=)`", "dunning"),
    Sample(
        "Several",
        "Carrier updates until delivered",
        "`WaitFor(collect=True, until=)`, a signal's `key`",
        "carrier_updates",
    ),
    Sample(SPECIFICATION, "Event based transitions", "`FirstOf`, `Choice`", "visa_decision"),
    Sample("Temporal, Restate", "Semaphore of N", "`Saga(limits=)`", "semaphore"),
    Sample(
        "Workflow Patterns",
        "Blood test (multi-choice, synchronizing merge)",
        "`Parallel` of steps with `when=`",
        "blood_test",
    ),
    Sample(
        "Several",
        "Order with a sub-saga for each line",
        '`ForEach(saga=, on_failure="continue")`, `Choice`',
        "order_lines",
    ),
    Sample(
        "Workflow Patterns",
        "Condition reports (cancelling partial join)",
        "`ForEach(saga=, enough=)`",
        "condition_reports",
    ),
    Sample(
        "Temporal",
        "Updatable timer",
        "`Sleep(until=)`, `engine.reschedule`",
        "updatable_timer",
    ),
    Sample(
        "Several",
        "Another card, until one is accepted",
        "`Repeat` of `WaitFor` and a step with `accept=`",
        "another_card",
    ),
    Sample(
        STEP_FUNCTIONS,
        "Callback with a task token",
        "`WaitFor`, whose token is the saga's id",
        "callback_token",
    ),
    Sample(
        f"{STEP_FUNCTIONS}, Camunda", "Loan by its score", "`Choice` of `Between`", "loan_choice"
    ),
    Sample(
        STEP_FUNCTIONS, "Image processing (map)", "`ForEach(max_concurrency=)`", "image_processing"
    ),
    Sample(
        STEP_FUNCTIONS, "Parallel look-ups", "`Parallel` of `async` actions", "parallel_enrichment"
    ),
    Sample(STEP_FUNCTIONS, "Human approval", "`FirstOf`, `Pivot`", "human_approval"),
    Sample(STEP_FUNCTIONS, "Retry and catch", "`Retry`, `accept=`, `Choice`", "retry_on_error"),
    Sample(
        SPECIFICATION,
        "Applicant request decision",
        "`Choice` of `Between`, `SubSaga`",
        "applicant_decision",
    ),
    Sample(
        SPECIFICATION,
        "Finalize college application",
        "`Parallel(WaitFor, …)`",
        "college_application",
    ),
    Sample(
        SPECIFICATION, "Provision orders", "`accept=`, `Choice` by the error", "provision_orders"
    ),
    Sample(SPECIFICATION, "Monitor job for completion", "`Poll`, `Choice`", "monitor_job"),
    Sample(SPECIFICATION, "Perform customer credit check", "`WaitFor`, `Choice`", "credit_check"),
    Sample(SPECIFICATION, "New patient onboarding", "`Retry`", "patient_onboarding"),
    Sample(
        SPECIFICATION,
        "Event-based service invocation (vet)",
        "`WaitFor`, `Sleep(until=)`",
        "vet_appointment",
    ),
    Sample(SPECIFICATION, "Monitor patient vital signs", "`FirstOf`, `Choice`", "vital_signs"),
    Sample(SPECIFICATION, "Greeting, hello world", "one `SagaStep`; see the tutorial"),
    Sample(SPECIFICATION, "Solving math problems", "`ForEach`; as in image processing"),
    Sample(
        SPECIFICATION, "Handle car auction bids", "`WaitFor(collect=True, timeout=)`", "car_auction"
    ),
    Sample(
        SPECIFICATION,
        "Check inbox periodically",
        "`ForEach` of the messages; the schedule is Celery beat's, or cron's",
    ),
    Sample(
        SPECIFICATION,
        "Accumulate room readings",
        "`Parallel` of `WaitFor(collect=True)`, `engine.signal_with_start`",
        "room_readings",
    ),
    Sample(SPECIFICATION, "Car vitals checks", "`Repeat` of `Parallel`, `Sleep`", "car_vitals"),
    Sample(SPECIFICATION, "Book lending", "`Repeat` of `Choice`, `WaitFor`", "book_lending"),
    Sample(SPECIFICATION, "Filling a glass of water", "`Repeat` until `Between`", "glass_of_water"),
    Sample("Conductor", "Order with a switch", "`Choice`, `Saga(validate=)`", "order_shipping"),
    Sample("Conductor", "HTTP poll", "`Poll(factor=, cap=)`, `Later(after=)`", "http_poll"),
    Sample("Conductor", "Sub workflow", "`SubSaga(input=, output=)`", "sub_workflow"),
    Sample("Conductor", "Do-while", "`Repeat`", "do_while"),
    Sample("Temporal", "Money transfer", "`Saga(locks=)`", "money_transfer"),
    Sample("Temporal", "Subscription", "`Repeat` of `FirstOf`, for the months", "subscription"),
    Sample("Temporal", "Food delivery", "`WaitFor`, `Pivot`, `Choice`", "food_ordering"),
    Sample(
        "Temporal",
        "Background check",
        '`SubSaga(on_failure="continue")` in `Parallel`',
        "background_check",
    ),
    Sample("Temporal", "Entity workflow (shopping basket)", BASKET),
    Sample("Camunda", "Credit card payment", "`SagaStep(when=)`", "credit_card_payment"),
    Sample("Camunda", "Invoice approval", "`Choice` as a decision table", "invoice_approval"),
    Sample("Camunda", "Hotel booking with messages", "`FirstOf`, `Pivot`", "hotel_booking"),
    Sample(
        "MassTransit", "Order state machine", "`Parallel` of `WaitFor` and steps", "order_state"
    ),
    Sample("MassTransit", "Courier routing slip", "steps with `when=`", "routing_slip"),
    Sample("Restate", "Food ordering", "`Sleep(seconds=)`, an `async` `Poll`", "food_delivery"),
    Sample(
        "DBOS", "Widget store checkout", '`WaitFor(on_timeout="continue")`, `Pivot`', "widget_store"
    ),
    Sample("Hatchet", "Document processing", "`ForEach`", "document_processing"),
    Sample("NServiceBus", "Buyer's remorse", "`FirstOf(WaitFor, Sleep)`", "buyers_remorse"),
    Sample(
        "NServiceBus",
        "Shipping policy",
        "`Parallel(WaitFor, WaitFor)`, `Choice`",
        "shipping_policy",
    ),
)
