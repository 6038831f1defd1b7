"""Each parameter of a definition is checked where it is written; the error names whose it is, the
parameter and its value (L3: what is accepted here must not stop a loop later)."""

import functools
import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import Enum, StrEnum
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from sagas.machine import (
    DefinitionError,
    ForEach,
    Parallel,
    Pivot,
    Retry,
    Saga,
    SagaStep,
    Sleep,
    SubSaga,
    WaitFor,
)
from sagas.machine.context import RESERVED
from sagas.machine.definition import MOST_STEPS
from sagas.machine.tree import DEEPEST
from tests.machine.conversation import nothing

INF, NAN, HUGE = math.inf, math.nan, 10**400
NO_DURATIONS: list[Any] = [0, -1, INF, -INF, NAN, HUGE, 1e12, 1e300, True, "5", None, [5], 1 + 2j]
NO_DURATIONS += [timedelta(0), timedelta(seconds=-1), timedelta.max, timedelta(days=40_000)]
NO_WHOLES: list[Any] = [0, -1, True, False, 1.0, 2.5, "2", NAN, INF, 2**31, HUGE, [1]]
NO_NUMBERS: list[Any] = [NAN, INF, -INF, HUGE, True, "2", None, 1 + 0j]
NO_QUEUES: list[Any] = [5, "", " ", "a b", "a\n", "a\x00", "q" * 256, "é" * 128, "\ud800", b"q"]
NO_QUEUES += [True, ["q"], 1.5]


class Awaited:
    async def __call__(self, context: Any) -> None: ...


class ItemsAwaited:
    async def __call__(self, context: Any) -> Any:
        yield 1


class ChildrenReported:
    def __call__(self, context: Any) -> None: ...

    def two(self, context: Any, other: Any) -> None: ...

    async def awaited(self, context: Any) -> None: ...


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


async def awaited(context: Any) -> None: ...


async def awaited_items(context: Any) -> Any:
    yield 1


def items(context: Any) -> Iterator[int]:
    yield 1


def without() -> None: ...


def of_two(context: Any, other: Any) -> None: ...


def with_key(context: Any, *, needed: Any) -> None: ...


def by_key(*, context: Any) -> None: ...


ASYNC_FUNCTIONS: list[Any] = [
    awaited,
    Awaited(),
    ChildrenReported().awaited,
    functools.partial(awaited),
    functools.partial(functools.partial(awaited)),
    functools.partial(Awaited()),
    functools.lru_cache(awaited),
    staticmethod(awaited),
    sync_to_async(nothing),
]
NO_FUNCTIONS: list[Any] = [
    5,
    "pay",
    True,
    {},
    awaited_items,
    items,
    ItemsAwaited(),
    ChildrenReported().two,
    ChildrenReported,
    dict,
    functools.partial(items),
    functools.partial(awaited_items),
    functools.partial(awaited, {}),
    functools.partial(nothing, {}),
    without,
    of_two,
    with_key,
    by_key,
    lambda: None,
]
FUNCTIONS: list[Any] = [
    nothing,
    ChildrenReported(),
    ChildrenReported().__call__,
    print,
    lambda *args: None,
    lambda context=None: None,
    lambda context, other=1, *, more=2: None,
    functools.partial(of_two, other=1),
    functools.partial(with_key, needed=1),
    functools.lru_cache(nothing),
    async_to_sync(awaited),
]


class Word(StrEnum):
    PAY = "pay"


class OldWord(str, Enum):  # noqa: UP042  (what it is about)
    PAY = "pay"


def step(**options: Any) -> SagaStep:
    return SagaStep("pay", **{"action": nothing, **options})


def each(**options: Any) -> ForEach:
    return ForEach("pay", **{"over": "items", "action": nothing, **options})


def saga(**options: Any) -> Saga:
    return Saga("order", **{"steps": [step()], **options})


WRITERS: dict[str, Callable[..., Any]] = {"step": step, "each": each, "saga": saga, "retry": Retry}
WRITERS |= {
    "sub": functools.partial(SubSaga, "pay"),
    "wait": functools.partial(WaitFor, "pay"),
    "sleep": functools.partial(Sleep, "pay"),
    "pivot": lambda **options: Pivot("pay", **{"action": nothing, **options}),
}
OWNERS = {"saga": "Saga 'order'", "retry": "Retry"}
NO_KEYS: list[Any] = ["items", b"items", 5, True, [1], [""], ["\x00"], ["\ud800"], [None], {"a": 1}]
NO_KEYS += [{1: "a"}, iter(["a"]), ["saga_id"], {"a": "attempt"}]
NAMES: list[Any] = [5, None, b"pay", "Pay", "", "a.b", "a\n", "a" * 64, "é", ["pay"], Unprintable()]

BAD: list[tuple[str, str, list[Any]]] = [
    ("saga", "version", [*NO_WHOLES, None]),
    ("saga", "deadline", [bad for bad in NO_DURATIONS if bad is not None]),
    ("saga", "on_conflict", ["run", None, 5, ["wait"], True]),
    ("saga", "validate", [*NO_FUNCTIONS, *ASYNC_FUNCTIONS]),
    ("saga", "locks", [*NO_FUNCTIONS, *ASYNC_FUNCTIONS]),
    ("saga", "limits", [*NO_FUNCTIONS, *ASYNC_FUNCTIONS]),
    ("sub", "version", NO_WHOLES),
    ("sub", "saga_type", [bad for bad in NAMES if bad != ""]),
    ("sub", "input", NO_KEYS),
    ("sub", "output", [*NO_KEYS, None]),
    ("wait", "timeout", [bad for bad in NO_DURATIONS if not isinstance(bad, str | None)]),
    ("wait", "on_timeout", ["stop", None, 5, ["fail"]]),
    ("sleep", "duration", NO_DURATIONS),
    ("each", "over", [5, "", None, ["items"]]),
    ("each", "max_concurrency", NO_WHOLES),
    ("each", "given", [*NO_KEYS, None]),
    ("retry", "max_attempts", NO_WHOLES),
    ("retry", "max_elapsed", [bad for bad in NO_DURATIONS if bad is not None]),
    ("retry", "backoff", [bad for bad in NO_DURATIONS if bad not in (0, timedelta(0))]),
    ("retry", "cap", NO_DURATIONS),
    ("retry", "factor", [*NO_NUMBERS, 0.5, 0, -1, 1e7]),
    ("retry", "jitter", [*NO_NUMBERS, -0.1, 1.1]),
    ("retry", "on", [ValueError, [ValueError], (5,), ("ValueError",), (ValueError(),), (int,)]),
    ("retry", "never_on", [None, ValueError, [ValueError], (5,), (lambda: 1,), (int,)]),
]
for _kind in ("step", "pivot", "each"):
    BAD += [
        (_kind, "action", [*NO_FUNCTIONS, None]),
        (_kind, "compensation", NO_FUNCTIONS),
        (_kind, "probe", NO_FUNCTIONS),
        (_kind, "retry", [3, True, "3", {"max_attempts": 3}, Retry]),
        (_kind, "compensation_retry", [None, 3, True]),
        (_kind, "timeout", NO_DURATIONS),
        (_kind, "queue", NO_QUEUES),
        (_kind, "atomic", [None, 1, 0, "yes"]),
    ]
BAD += [(kind, "run_on", [None, 1, "yes"]) for kind in ("step", "pivot")]


@pytest.mark.parametrize(
    ("kind", "parameter", "value"),
    [(kind, parameter, bad) for kind, parameter, values in BAD for bad in values],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_a_bad_value_is_refused_where_it_is_written(kind: str, parameter: str, value: Any) -> None:
    with pytest.raises(DefinitionError) as refused:
        WRITERS[kind](**{parameter: value})
    said = str(refused.value)
    assert OWNERS.get(kind, "Step 'pay'") in said
    assert parameter in said
    assert "is " in said or "can't" in said
    assert len(said) < 500


@pytest.mark.parametrize("kind", ["step", "wait", "sleep", "sub", "each", "pivot", "saga"])
@pytest.mark.parametrize("name", NAMES)
def test_a_bad_name_is_refused(kind: str, name: Any) -> None:
    with pytest.raises(DefinitionError, match="name"):
        {
            "step": lambda: SagaStep(name, nothing),
            "wait": lambda: WaitFor(name),
            "sleep": lambda: Sleep(name, 1),
            "sub": lambda: SubSaga(name),
            "each": lambda: ForEach(name, over="items", action=nothing),
            "pivot": lambda: Pivot(name, nothing),
            "saga": lambda: Saga(name, [step()]),
        }[kind]()


def test_a_word_of_an_enumeration_is_a_name_if_it_says_its_value() -> None:
    assert Saga("order", [SagaStep(Word.PAY, nothing)]).by_name.keys() == {"pay"}
    with pytest.raises(DefinitionError, match="plain string"):
        SagaStep(OldWord.PAY, nothing)


@pytest.mark.parametrize("name", RESERVED)
def test_no_result_is_kept_under_a_key_of_the_engine(name: str) -> None:
    """It would be hidden from every action (S10)."""
    with pytest.raises(DefinitionError, match="another name"):
        WaitFor(name)
    with pytest.raises(DefinitionError, match="another name"):
        ForEach(name, over="items", action=nothing)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_takes_the_context_is_accepted(function: Any) -> None:
    steps = [step(action=function, compensation=function)]
    saga = Saga("order", steps, validate=function, locks=function, limits=function)
    [accepted] = saga.claimed_steps
    assert accepted.action is accepted.compensation is saga.validate is saga.locks is function
    assert saga.limits is function


@pytest.mark.parametrize("kind", ["step", "pivot", "each"])
@pytest.mark.parametrize("function", ASYNC_FUNCTIONS)
def test_an_async_function_is_an_action_a_compensation_and_a_probe(
    kind: str, function: Any
) -> None:
    written = WRITERS[kind](action=function, compensation=function, probe=function)
    assert written.action is written.compensation is written.probe is function


@pytest.mark.parametrize("kind", ["step", "pivot", "each"])
@pytest.mark.parametrize("role", ["action", "compensation"])
@pytest.mark.parametrize("function", ASYNC_FUNCTIONS)
def test_an_atomic_step_has_no_async_functions(kind: str, role: str, function: Any) -> None:
    """Nothing that it does would be in the transaction that records its success."""
    with pytest.raises(DefinitionError, match=rf"Step 'pay': {role} is .*use `def`, or leave"):
        WRITERS[kind](**{role: function}, atomic=True)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("saga", {"version": 2**31 - 1}),
        ("saga", {"deadline": timedelta(days=36_525)}),
        ("step", {"queue": "q" * 255}),
        ("step", {"queue": "orders.éà-1_x"}),
        ("step", {"timeout": 0.001}),
        ("retry", {"max_attempts": 2**31 - 1}),
        ("retry", {"factor": 1, "jitter": 0, "backoff": 0}),
        ("retry", {"factor": 1e6}),
        ("each", {"max_concurrency": 2**31 - 1, "given": {"a": "b"}}),
        ("sub", {"input": [], "output": {"a": "b"}, "version": 1}),
    ],
)
def test_the_last_good_value_is_accepted(kind: str, options: dict[str, Any]) -> None:
    WRITERS[kind](**options)


def test_a_backoff_of_a_whole_factor_is_no_number_of_a_billion_digits() -> None:
    policy = Retry(max_attempts=None, max_elapsed=10**9, factor=1000, backoff=0.001, cap=5)
    assert policy.delay(2**31 - 1, "s-1:pay") <= timedelta(seconds=5.5)


def nested(levels: int) -> Any:
    found: Any = step()
    for _ in range(levels):
        found = [found]
    return found


def nested_parallels(levels: int) -> Any:
    found: Any = SagaStep("inner", nothing)
    for level in range(levels):
        found = Parallel(found, SagaStep(f"s{level}", nothing))
    return found


def a_cycle_of_lists() -> Any:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize("write", [nested, nested_parallels, lambda _: a_cycle_of_lists()])
def test_what_is_nested_too_deep_is_refused(write: Callable[[int], Any]) -> None:
    with pytest.raises(DefinitionError, match="levels deep"):
        Saga("order", [write(DEEPEST + 1)])
    with pytest.raises(DefinitionError, match="levels deep"):
        Saga("order", [write(100_000 if write is nested else 200)])


def test_what_is_nested_just_so_works() -> None:
    assert len(Saga("order", nested(DEEPEST)).by_name) == 1
    assert len(Saga("order", [nested_parallels(DEEPEST - 1)]).by_name) == DEEPEST


@pytest.mark.parametrize("steps", [None, 5, "pay", b"pay", {}, {"a": 1}, step(), iter([step()])])
def test_steps_that_are_no_list_are_refused(steps: Any) -> None:
    with pytest.raises(DefinitionError, match="list"):
        Saga("order", steps)


@pytest.mark.parametrize("count", [MOST_STEPS + 1, 10_000])
@pytest.mark.parametrize("group", [list, lambda steps: [Parallel(*steps)]])
def test_too_many_steps_are_refused(count: int, group: Callable[[Any], Any]) -> None:
    many = group([SagaStep(f"s{number}", nothing) for number in range(count)])
    with pytest.raises(DefinitionError, match="at most 1,000 are allowed"):
        Saga("order", many)


def test_a_saga_is_no_step_of_itself() -> None:
    for version in (None, 1):
        with pytest.raises(DefinitionError, match=r"Saga 'order', step 'again': saga_type is"):
            Saga("order", [SubSaga("again", "order", version=version)])
    Saga("order", [SubSaga("again", "order", version=1)], version=2)
