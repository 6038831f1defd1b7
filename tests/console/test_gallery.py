"""Each example of the gallery, looked at before and after whatever happens to it."""

from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from examples.gallery import sagas
from examples.gallery.ledger import ledger
from sagas import Saga, engine
from sagas.console.one import drawn
from sagas.console.reading import snapshot
from sagas.models import SagaExecution
from sagas.queries import OPERATOR
from sagas.testing.workers import Worker
from tests.console.conftest import client_of, new_user
from tests.console.test_graph import require_whole
from tests.gallery.playing import ID, Play, perform
from tests.gallery.test_examples import PLAYS


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
    operator = client_of(new_user("anna", "administer_saga"))
    ledger.clear()
    engine.start(play.saga.saga_type, play.input, saga_id=ID)
    saga_worker.work_off()
    look(operator)
    for act in play.acts:
        perform(act, saga_worker)
        saga_worker.work_off()
        look(operator)
    assert SagaExecution.objects.get(saga_id=ID).status == play.ends
