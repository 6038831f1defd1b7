"""`manage.py saga`: what it prints, what it exits with, and that nobody acts on all by accident."""

import getpass
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from sagas import engine
from sagas.models import SagaEvent, SagaExecution
from tests.api.scenes import ALL, past_pivot, stuck, succeed
from tests.engine.driving import claim, row

pytestmark = pytest.mark.django_db(transaction=True)

WHY = ("--reason", "mended")


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)


@pytest.fixture
def shop() -> int:
    return start("s-1")


def start(saga_id: str, saga_type: str = "shop", **context: Any) -> int:
    return engine.start(saga_type, context, saga_id=saga_id).execution_id


def saga(*arguments: str) -> list[str]:
    """The lines that it prints."""
    out = io.StringIO()
    call_command("saga", *arguments, stdout=out)
    return out.getvalue().splitlines()


def refused(*arguments: str) -> tuple[int, str]:
    """The exit code and what it says, for what it refuses."""
    said = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("saga", *arguments, stdout=said, stderr=said)
    return error.value.returncode, f"{said.getvalue()}{error.value}"


def statuses() -> dict[str, str]:
    return dict(SagaExecution.objects.values_list("saga_id", "status"))


def test_each_action_is_done_and_recorded_with_who_and_why(shop: int) -> None:
    assert saga("pause", "s-1", "--reason", "stock-taking", "--by", "carol") == ["s-1: done"]
    assert row(shop).paused
    event = SagaEvent.objects.get(type="saga.paused")
    assert event.data == {"by": "carol", "reason": "stock-taking"}
    saga("amend", "s-1", *WHY, "--changes", '{"a": [1]}')
    assert row(shop).context == {"a": [1]}
    saga("resume", "s-1", *WHY)
    assert not row(shop).paused
    saga("skip", "s-1", *WHY, "--step", "reserve", "--changes", '{"b": 2}')
    assert row(shop).context == {"a": [1], "b": 2}
    saga("skip", "s-1", *WHY, "--step", "charge")
    assert row(shop).current_steps == ["hand_over"]
    saga("cancel", "s-1", *WHY)
    assert row(shop).status == "compensated"


def test_who_is_the_user_of_the_system_unless_told(shop: int) -> None:
    saga("pause", "s-1", *WHY)
    assert SagaEvent.objects.get(type="saga.paused").data["by"] == getpass.getuser()


def test_a_user_without_a_name_is_asked_for_one(shop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    code, said = refused("pause", "s-1", *WHY)
    assert (code, "--by" in said, row(shop).paused) == (2, True, False)


def test_what_gave_up_is_retried_or_resolved(shop: int) -> None:
    stuck("s-2")
    stuck("s-3")
    stuck("s-4")
    assert saga("retry", "s-2", "s-3", *WHY) == ["s-2: done", "s-3: done"]
    saga("resolve", "s-4", *WHY, "--step", "reserve")
    assert statuses() == {
        "s-1": "pending",
        "s-2": "compensating",
        "s-3": "compensating",
        "s-4": "compensated",
    }


def test_a_signal_is_handed_to_its_wait() -> None:
    execution_id = start("a-1", "approval")
    saga("signal", "a-1", "--name", "approved", "--payload", '{"ok": true}', "--by", "carol")
    assert row(execution_id).context == {"approved": {"ok": True}}
    assert SagaEvent.objects.get(type="saga.signalled").data["by"] == "carol"


def test_show_says_where_each_step_stands() -> None:
    stuck("s-1")
    lines = saga("show", "s-1")
    assert lines[0] == "s-1  shop v1  failed  gave up: reserve"
    assert '  error: {"event": "saga.failed", "left": ["reserve"]}' in lines
    reserve = next(line for line in lines if line.startswith("  reserve:"))
    assert "compensation_failed, effect applied, attempts 1" in reserve
    assert reserve.endswith("Rejected: no")
    assert lines[-1] == "  mail: pending, effect none"


def test_show_names_a_parent_and_counts_children() -> None:
    start("b-1", "batch", items=[1, 2, 3])
    assert any('{"total": 3, "started": 2, "outcomes": {}}' in line for line in saga("show", "b-1"))
    assert any('"saga_id": "b-1"' in line for line in saga("show", "b-1~pack.0"))


def test_list_is_one_line_each_newest_first(shop: int, capsys: pytest.CaptureFixture[str]) -> None:
    start("a-1", "approval")
    saga("pause", "s-1", *WHY)
    assert saga("list", "--type", "shop") == ["s-1  shop v1  pending  paused  reserve scheduled"]
    assert [line.split()[0] for line in saga("list")] == ["a-1", "s-1"]
    assert saga("list", "--step", "approved") == saga("list", "--at", "approved") != []
    assert saga("list", "--no-paused", "--status", "pending") == []
    assert len(saga("list", "--version", "1", "--created-after", "2020-01-01T00:00Z")) == 2
    assert saga("list", "--created-before", "2020-01-01T00:00Z") == saga("list", "--version", "2")
    assert [line.split()[0] for line in saga("list", "--limit", "1")] == ["a-1"]
    more = capsys.readouterr().err.split()
    assert [line.split()[0] for line in saga("list", *more[-2:])] == ["s-1"]


def test_r8_the_way_back_is_told_in_order(shop: int) -> None:
    succeed(shop, "reserve")
    claim(shop, "charge")
    past_pivot("s-2")
    start("s-3")
    lines = saga("way-back", "s-1", "s-2", "s-3")
    assert lines[0] == "s-1: waits for charge; undoes charge, then reserve"
    assert lines[1].startswith("s-2: there is none: It is past its pivot, hand_over")
    assert lines[2] == "s-3: has nothing to undo"


def test_s7_a_refusal_says_why_and_keeps_none_of_the_others_from_it(shop: int) -> None:
    past_pivot("late")
    code, said = refused("cancel", "late", "s-1", "late", *WHY)
    assert code == 5
    assert "late: refused: It is past its pivot, hand_over" in said
    assert "s-1: done" in said
    assert said.endswith("1 of 2 done.")
    assert statuses() == {"late": "running", "s-1": "compensated"}


def test_exit_codes_tell_what_was_wrong(shop: int) -> None:
    assert refused("cancel", "nobody", *WHY)[0] == 6
    assert refused("show", "nobody")[0] == 6
    assert refused("list", "--parent", "nobody")[0] == 6
    assert refused("retry", "s-1", *WHY)[0] == 5
    assert refused("skip", "s-1", *WHY, "--step", "reserve", "--changes", '{"attempt": 1}')[0] == 2
    assert refused("retry", "s-1", "nobody", *WHY)[0] == 1, "for more than one reason"
    SagaExecution.objects.update(version=99)
    assert refused("pause", "s-1", *WHY)[0] == 3
    assert row(shop).last_seq == 2, "and nothing was done"


# --- Many at once ---------------------------------------------------------------------------------


@pytest.fixture
def three() -> None:
    start("s-1")
    start("s-2")
    start("a-1", "approval")


@pytest.mark.usefixtures("three")
def test_all_that_match_are_acted_on_if_one_says_yes() -> None:
    assert saga("cancel", "--type", "shop", *WHY, "--yes") == ["s-2: done", "s-1: done"]
    assert statuses() == {"s-1": "compensated", "s-2": "compensated", "a-1": "running"}


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("answer", "ended"), [("y", 2), ("YES ", 2), ("n", 0), ("", 0), ("yesterday", 0)]
)
def test_one_is_asked_first_and_told_how_many(
    monkeypatch: pytest.MonkeyPatch, answer: str, ended: int
) -> None:
    asked = []

    def reply(prompt: str) -> str:
        asked.append(prompt)
        return answer

    monkeypatch.setattr("builtins.input", reply)
    arguments = ("cancel", "--type", "shop", *WHY)
    if ended:
        saga(*arguments)
    else:
        assert refused(*arguments) == (1, "Nothing was done.")
    assert asked == ["Cancel 2 sagas? [y/N] "]
    assert list(statuses().values()).count("compensated") == ended


@pytest.mark.usefixtures("three")
def test_without_anybody_to_ask_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, said = refused("cancel", "--status", "pending", *WHY)
    assert (code, "Add --yes" in said) == (1, True)
    assert "compensated" not in statuses().values()


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    "arguments",
    [
        ("cancel", *WHY, "--yes"),
        ("cancel", *WHY, "--yes", "--limit", "1"),
        ("cancel", "s-1", "--type", "shop", *WHY, "--yes"),
        ("cancel", "--type", "Shop", *WHY, "--yes"),
        ("cancel", "--type", "shop", "--yes"),
        ("cancel", "--type", "shop", "--yes", "--reason", " "),
        ("cancel", "--type", "shop", "--yes", "--reason", "\udcff"),
        ("cancel", "--type", "shop", "--yes", *WHY, "--by", ""),
        ("cancel", "--type", "shop", "--yes", *WHY, "--limit", "0"),
        ("cancel", "--type", "shop", "--yes", *WHY, "--changes", "{}"),
        ("cancel", "--created-before", "2999-01-01", "--yes", *WHY),
        ("cancel", "--created-before", "later", "--yes", *WHY),
        ("cancel", "--status", "lost", "--yes", *WHY),
        ("cancel", "--version", "0", "--yes", *WHY),
        ("cancel", "s-1\udcff", *WHY),
        ("skip", "s-1", *WHY),
        ("skip", "s-1", *WHY, "--step", "reserve", "--changes", "[1]"),
        ("skip", "s-1", *WHY, "--step", "reserve", "--changes", '{"a": NaN}'),
        ("skip", "s-1", *WHY, "--step", "reserve", "--changes", "{"),
        ("skip", "s-1", *WHY, "--step", "reserve", "--changes", "[" * 100_000),
        ("amend", "s-1", *WHY),
        ("amend", "s-1", *WHY, "--changes", "{}"),
        ("signal", "a-1"),
        ("signal", "a-1", "--name", "approved", "--payload", "yes"),
        ("signal", "a-1", "--name", "approved", "--payload", "NaN"),
        ("explode", "s-1", *WHY),
        (),
    ],
)
def test_bad_input_is_told_and_leaves_all_as_it_was(arguments: tuple[str, ...]) -> None:
    before = list(SagaExecution.objects.values())
    _, said = refused(*arguments)
    assert len(said) > 10
    assert list(SagaExecution.objects.values()) == before


def test_the_step_to_act_on_and_the_step_to_find_are_two(shop: int) -> None:
    succeed(start("s-2"), "reserve")
    saga("skip", "--at", "reserve", "--step", "reserve", *WHY, "--yes")
    assert [found.current_steps for found in SagaExecution.objects.order_by("id")] == [
        ["charge"],
        ["charge"],
    ]
    assert row(shop).steps["reserve"]["status"] == "skipped"
    assert saga("retry", "--status", "failed", *WHY) == ["No saga matches."]
    assert saga("pause", "--step", "charge", "--limit", "1", *WHY, "--yes") == ["s-2: done"]


def test_children_are_acted_on_under_their_parent() -> None:
    start("b-1", "batch", items=[1, 2])
    assert saga("pause", "--type", "batch.pack", *WHY, "--yes") == ["No saga matches."]
    assert len(saga("pause", "--parent", "b-1", *WHY, "--yes")) == 2
    assert SagaExecution.objects.filter(paused=True).count() == 2
