"""Faults that show in the surroundings of other projects: their zones, users and settings."""

from typing import Final

from tests.mutation.fault import Fault

ZONES = ("engine/test_time_zones",)

SETTINGS_FAULTS: Final = (
    Fault(
        name="Moments are taken as the session's loader has them",
        clause="S13",
        file="sagas/moments.py",
        before="""\
    return f"(extract(epoch FROM {moment}) * 1000000)::bigint"


def from_number(microseconds: int) -> datetime:
    \"\"\"The moment that `as_number` stands for.\"\"\"
    return _EPOCH + timedelta(microseconds=microseconds)
""",
        after="""\
    return moment


def from_number(microseconds: datetime) -> datetime:
    return microseconds
""",
        tests=ZONES,
    ),
    Fault(
        name="What the ORM has read is taken for UTC",
        clause="S13",
        file="sagas/moments.py",
        before="timezone.make_aware(moment, timezone.get_default_timezone())",
        after="moment.replace(tzinfo=UTC)",
        tests=ZONES,
    ),
    Fault(
        name="Of the hour that a night has twice, always the first is meant",
        clause="S13",
        file="sagas/moments.py",
        before="timezone.make_aware(moment, ",
        after="timezone.make_aware(moment.replace(fold=0), ",
        tests=ZONES,
    ),
    Fault(
        name="A deadline is counted by the clock on a wall",
        clause="S13",
        file="sagas/inputs.py",
        before="    return moment.astimezone(UTC)\n",
        after="    return moment\n",
        tests=ZONES,
    ),
    Fault(
        name="A view is called within the transaction of its request",
        clause="S9",
        file="sagas/non_atomic.py",
        before="view._non_atomic_requests = set(connections)",
        after="view._non_atomic_requests = set()",
        tests=("api/test_non_atomic",),
    ),
    Fault(
        name="The API's views are called within the transaction of their request",
        clause="S9",
        file="sagas/api/__init__.py",
        before="return non_atomic_urls(patterns), app_name, namespace",
        after="return patterns, app_name, namespace",
        tests=("api/test_non_atomic",),
    ),
)
