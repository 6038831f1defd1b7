"""Whatever is wrong, the API answers in its own form, and in bounds: what a definition's own
functions raise, and Django's own errors."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.core.management import CommandError, call_command
from django.http import Http404
from django.test import Client
from django.urls import include, path
from pydantic import BaseModel

from sagas import engine, queries
from sagas.errors import BadInput
from sagas.machine import Direction, InvalidInput, Saga, SagaStep, SubSaga
from sagas.models import SagaExecution
from sagas.testing.workers import work_off
from tests.api.conftest import Caller
from tests.engine.driving import row

pytestmark = pytest.mark.django_db(transaction=True)

urlpatterns = [path("deep/within/", include("sagas.urls"))]
"""The library under another address."""


class Order(BaseModel):
    quantity: int


class Unprintable(ValueError):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def raising(error: Exception) -> Callable[[Any], Any]:
    def function(context: Any = None, *args: Any, **kwargs: Any) -> Any:
        raise error

    return function


def endless(context: Any) -> Iterator[str]:
    return (str(number) for number in iter(int, 1))


REFUSALS: list[tuple[Callable[[Any], Any], str, str]] = [
    (lambda context: context["quantity"], "context.quantity", "is missing"),
    (lambda context: context["given"]["quantity"], "context.quantity", "is missing"),
    (lambda context: context["given"] + 1, "context", "TypeError"),
    (lambda context: context["given"].quantity, "context", "AttributeError"),
    (lambda context: 1 // len(context["given"]), "context", "ZeroDivisionError"),
    (lambda context: [][0], "context", "IndexError"),
    (raising(ValueError("must be odd")), "context", "must be odd"),
    (raising(AssertionError()), "context", "AssertionError"),
    (raising(KeyError()), "context", "KeyError"),
    (raising(KeyError("x" * 100_000)), "", "is missing"),
    (raising(Unprintable()), "context", "a Unprintable"),
    (raising(RecursionError("deep")), "context", "RecursionError"),
    (raising(OSError("/secret/path")), "context", "OSError."),
    (raising(StopIteration()), "context", "StopIteration"),
    (raising(InvalidInput({"items.0": "too heavy"})), "context.items.0", "too heavy"),
    (raising(BadInput({"context.a": "no"})), "context.a", "no"),
    (raising(ValidationError({"quantity": "too many"})), "context.quantity", "too many"),
    (raising(ValidationError("too many")), "context", "too many"),
    (Order.model_validate, "context.quantity", "Field required"),
    (raising(ValueError("\ud800" + "é" * 100_000)), "context", "ValueError"),
]
NO_LOCKS: list[tuple[Callable[[Any], Any], str, str]] = [
    (lambda context: None, "locks", "list of names"),
    (lambda context: "stock", "locks", "list of names"),
    (lambda context: [context], "locks", "is not a name"),
    (lambda context: [1], "locks", "is not a name"),
    (lambda context: ["\ud800"], "locks", "is not a name"),
    (lambda context: (context[key] for key in ["stock"]), "context.stock", "is missing"),
    (endless, "locks", "more than 100"),
]
NO_LIMITS: list[tuple[Callable[[Any], Any], str, str]] = [
    (lambda context: None, "limits", "dict of names"),
    (lambda context: ["stock"], "limits", "dict of names"),
    (lambda context: {1: 1}, "limits", "is not a name"),
    (lambda context: {"stock": 10_001}, "limits", "from 1 to 10,000"),
    (lambda context: {"stock": Unprintable()}, "limits", "from 1 to 10,000"),
    (lambda context: dict.fromkeys(map(str, range(101)), 1), "limits", "more than 100"),
    (lambda context: {"stock": context["number"]}, "context.number", "is missing"),
]
WRONG = {"validate": [], "locks": NO_LOCKS, "limits": NO_LIMITS}


@pytest.mark.parametrize("role", WRONG)
def test_what_a_definition_raises_is_a_refusal(alice: Caller, define: Any, role: str) -> None:
    cases = [*REFUSALS, *WRONG[role]]
    given: dict[str, Any] = {"given": {}}
    for number, (function, field, said) in enumerate(cases):
        name = f"odd{number}"
        options: Any = {role: function}
        define(Saga(name, [SagaStep("a", lambda _: None)], **options))
        one = alice.post("sagas", {"saga_type": name, "context": given})
        many = alice.post("sagas/bulk", {"saga_type": name, "sagas": [{"context": given}] * 50})
        for answer, prefix in ((one, ""), (many, "sagas.0.")):
            assert answer.status_code == 422, (number, answer.content)
            assert len(answer.content) < 64_000
            fields = answer.json()["fields"]
            first = next(iter(fields))
            assert first.startswith(f"{prefix}{field}"), fields
            assert said in fields[first]
            assert "secret" not in answer.content.decode()
        assert many.json()["more"] == 30
    assert not SagaExecution.objects.exists()


@pytest.mark.parametrize("role", WRONG)
def test_so_it_is_for_a_child_and_for_the_command(
    define: Any, committed: Any, tmp_path: Any, role: str
) -> None:
    options: Any = {role: lambda context: [context["quantity"]]}
    define(Saga("part", [SagaStep("a", lambda _: None)], **options))
    first = SagaStep("first", lambda _: None, lambda _: None)
    define(Saga("whole", [first, SubSaga("part")]))
    started = engine.start("whole", {})
    work = engine.claim(started.execution_id, "first", Direction.ACTION, 0)
    assert work
    engine.succeed(work, None)
    work_off(committed)
    found = row(started.execution_id)
    assert found.status == "compensated"
    assert "context.quantity: is missing" in found.steps["part"]["failure"]["message"]
    file = tmp_path / "sagas"
    file.write_text('{"context": {}}\n')
    with pytest.raises(CommandError, match=r"sagas\.0\.context\.quantity: is missing"):
        call_command("saga", "start", "part", str(file))


def is_problem(answer: Any, status: int, word: str) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    if answer.request["REQUEST_METHOD"] != "HEAD":
        told = answer.json()
        assert told.keys() == {"type", "title", "status", "detail", "error", "fields", "more"}
        assert (told["type"], told["status"]) == (f"urn:sagas:problem:{word}", status)
        assert told["error"] == word


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("address", ["/api/v1/", "/deep/within/api/v1/"])
def test_errors_of_django_are_in_json(
    boss: Caller, monkeypatch: Any, settings: Any, debug: bool, address: str
) -> None:
    settings.DEBUG = debug
    if address != "/api/v1/":
        settings.ROOT_URLCONF = __name__
    client = boss.client
    client.raise_request_exception = False
    for gone in ("nothing", "sagas/", "sagas/a/b/c", ""):
        is_problem(client.get(f"{address}{gone}"), 404, "not_found")
    answer = client.delete(f"{address}sagas")
    is_problem(answer, 405, "not_allowed")
    assert sorted(answer.headers["Allow"].split(", ")) == ["GET", "POST"]
    is_problem(client.options(f"{address}sagas"), 405, "not_allowed")
    is_problem(client.head(f"{address}nothing"), 404, "not_found")
    is_problem(client.get(f"{address}sagas", headers={"Host": "evil.example"}), 400, "malformed")
    big = b"[" + b"1" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b"]"
    kind = "application/json"
    is_problem(client.post(f"{address}sagas", big, content_type=kind), 413, "too_large")
    for error, status, word in (
        (RuntimeError("secret"), 500, "failed"),
        (SuspiciousOperation("secret"), 400, "malformed"),
        (Http404("secret"), 404, "not_found"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(queries, "page", raising(error))
            answer = client.get(f"{address}sagas")
        is_problem(answer, status, word)
        assert b"secret" not in answer.content


def test_other_pages_are_as_they_were(client: Client) -> None:
    assert client.get("/nothing").headers["Content-Type"].startswith("text/html")
    assert client.get("/api/v1/docs").headers["Content-Type"].startswith("text/html")
    assert client.get("/api/v2").headers["Content-Type"] == "application/problem+json"
