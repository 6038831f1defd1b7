"""`manage.py saga watch`: each event once, in order, as it is committed, to the saga's end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sagas import engine
from sagas.models import SagaExecution
from tests.api.scenes import ALL, stuck, succeed
from tests.pages import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


class Screen:
    """What the command writes to. `then`: what happens elsewhere once it shows so many lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.then: dict[int, Callable[[], None]] = {}

    def write(self, text: str) -> None:
        self.lines += text.splitlines()
        if act := self.then.pop(len(self.lines), None):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(act).result()

    def flush(self) -> None:
        """Nothing is kept back."""

    def isatty(self) -> bool:
        return False

    @property
    def numbers(self) -> list[int]:
        return [int(line.split()[1]) for line in self.lines]


@pytest.fixture(autouse=True)
def _sagas(define: Any) -> None:
    for saga in ALL:
        define(saga)


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_what_happens_while_one_looks_is_shown(screen: Screen) -> None:
    shop = engine.start("shop", {}, saga_id="s-1").execution_id
    shown = SagaExecution.objects.get().last_seq

    def go_on() -> None:
        try:
            succeed(shop, "reserve", "charge", "hand_over", "mail")
        finally:
            connection.close()  # this thread's

    screen.then[shown] = go_on
    call_command("saga", "watch", "s-1", stdout=screen)
    last = SagaExecution.objects.get().last_seq
    assert last > shown
    assert screen.numbers == list(range(1, last + 1))
    assert "saga.completed" in screen.lines[-1]


def test_one_that_ended_otherwise_fails_with_the_reason(screen: Screen) -> None:
    stuck("s-2")
    with pytest.raises(CommandError, match="s-2 is failed") as error:
        call_command("saga", "watch", "s-2", "--after", "3", stdout=screen)
    assert error.value.returncode == 1
    assert screen.numbers[0] == 4
    assert any("Rejected: no" in line for line in screen.lines)


def test_a_wait_has_an_end_if_one_wants_it(screen: Screen) -> None:
    engine.start("shop", {}, saga_id="s-3")
    with pytest.raises(CommandError, match="s-3 is pending, and has not ended in 1 s"):
        call_command("saga", "watch", "s-3", "--timeout", "1", stdout=screen)


@pytest.mark.parametrize("wrong", [["nobody"], [], ["s", "--after", "-1"], ["s", "--timeout", "0"]])
def test_wrong_input_is_told(wrong: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("saga", "watch", *wrong)


def test_ctrl_c_ends_it_without_a_word() -> None:
    engine.start("shop", {}, saga_id="s-4")
    SagaExecution.objects.update(saga_type="unknown here")
    env = {**os.environ, "DATABASE_URL": _url(), "DJANGO_SETTINGS_MODULE": "project.settings"}
    with subprocess.Popen(
        [sys.executable, "-u", "manage.py", "saga", "watch", "s-4"],
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert "saga." in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)
    assert (process.returncode, said) == (130, "")


def _url() -> str:
    return str(
        os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    )
