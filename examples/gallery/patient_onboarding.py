"""A new patient, with retries.

The patient is stored, assigned to a doctor, and given an appointment. A service that is away is
tried ten times, three seconds apart. If one stays away, the patient is taken out again.

Reference: Serverless Workflow, new patient onboarding, "Examples".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Retry, Saga, SagaStep

RETRY = Retry(max_attempts=10, backoff=3, factor=1)


def store_patient(context: Context) -> Result:
    return do("store_patient", context, patient="patient-1")


def remove_patient(context: Context) -> None:
    undo("remove_patient", context)


def assign_doctor(context: Context) -> Result:
    return do("assign_doctor", context, doctor="doctor-1")


def unassign_doctor(context: Context) -> None:
    undo("unassign_doctor", context)


def schedule_appointment(context: Context) -> Result:
    return do("schedule_appointment", context, appointment="appointment-1")


def cancel_appointment(context: Context) -> None:
    undo("cancel_appointment", context)


patient_onboarding = Saga(
    "patient_onboarding",
    [
        SagaStep("store_patient", store_patient, remove_patient, retry=RETRY),
        SagaStep("assign_doctor", assign_doctor, unassign_doctor, retry=RETRY),
        SagaStep("schedule_appointment", schedule_appointment, cancel_appointment, retry=RETRY),
    ],
)
