"""Each example of the gallery, looked at before and after whatever happens to it."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from django.test import Client

from examples.gallery import sagas
from examples.gallery.ledger import ledger
from sagas import Saga
from sagas.console.one import drawn
from sagas.console.reading import snapshot
from sagas.models import SagaExecution
from sagas.queries import OPERATOR
from sagas.testing.workers import Worker
from tests.console.conftest import client_of, new_user
from tests.console.test_graph import require_whole
from tests.gallery.interventions import points
from tests.gallery.playing import Play
from tests.gallery.test_examples import PLAYS

EACH: Final = 5
"""Of so many points one is looked at: to see all of them takes minutes."""


@pytest.fixture(autouse=True)
def _examples(define: Callable[[Saga], Saga]) -> Iterator[None]:
    for value in vars(sagas).values():
        if isinstance(value, Saga):
            define(value)
    yield
    ledger.clear()


def look(client: Client) -> None:
    """At the page of each execution, and at that before a cancel."""
    for saga_id in SagaExecution.objects.values_list("saga_id", flat=True):
        page = client.get(f"/sagas/{saga_id}/")
        assert page.status_code == 200
        shown = snapshot(saga_id, OPERATOR)
        assert shown.definition is not None
        require_whole(drawn(shown), shown.definition)
        assert page.text.count("<details>") == page.text.count("</details>") > 0
        may_cancel = f"/sagas/{saga_id}/cancel/" in page.text
        before = client.get(f"/sagas/{saga_id}/cancel/")
        assert before.status_code == (200 if may_cancel else 409)
        assert may_cancel == ("Undoes " in before.text)
    assert client.get("/").status_code == 200
    assert client.get("/sagas/").status_code == 200


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(plays["back"], id=example)  # it goes forward and back
        for example, plays in PLAYS.items()
    ],
)
def test_an_example_can_be_looked_at_all_along(play: Play, saga_worker: Worker) -> None:
    """How it ends is not asked: time goes by while somebody looks."""
    operator = client_of(new_user("anna", "administer_saga"))
    for number, _ in enumerate(points(play, saga_worker)):
        if number % EACH == 0:
            look(operator)
    look(operator)
