"""Events of other services: their effect is there once, and what can't be true has none."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from realtime import handlers as ours
from realtime.models import Customer, Message
from sagas.bus import Bus, dead_letters
from sagas.bus.events import Event, handlers
from sagas.bus.handling import handle
from sagas.bus.models import DeadLetter
from sagas.devserver.supervisor import Supervisor
from sagas.errors import BadInput, Conflict
from sagas.models import SagaExecution
from tests.logins import LOGIN, MODEL
from tests.realtime.consumers import environment, event, publish
from tests.servers import FOLDER
from tests.system.running import REPOSITORY
from tests.tracking.conftest import INPUT, Crew
from tests.tracking.consuming import consumer
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db

ALICE = {"user_id": "alice", "name": "Alice Adler", "login": "adler@example.com"}
THINGS: dict[str, Any] = {name: value for name, value in INPUT.items() if name != "user_id"}
ORDER: dict[str, Any] = {"order_id": "1001", "user_id": "alice", "order": THINGS}


def come(key: str, data: Any, event_id: str = "") -> bool:
    """The event comes to its handler; whether it was called."""
    names = {"user.created": "add_customer", "order.created": "start_order"}
    handler = handlers.find(f"{ours.__name__}.{names[key]}")
    assert handler is not None
    body = {"id": event_id or str(uuid4()), "data": data}
    return handle(handler, Event(body["id"], key, body))


def test_a_customer_and_their_order_are_there_once() -> None:
    for expected in (True, False):
        assert come("user.created", ALICE, "u-1") is expected
    for expected in (True, False):
        assert come("order.created", ORDER, "o-1") is expected
    assert come("order.created", ORDER, "o-1 once more")  # by another id: the same saga
    [customer] = Customer.objects.all()
    [saga] = SagaExecution.objects.all()
    [greeting] = Message.objects.all()
    assert (saga.saga_id, saga.owner_id) == ("order-1001", customer.account_id)
    assert "Alice Adler" in greeting.text
    assert not customer.account.has_usable_password()


def test_an_order_before_its_customer_is_tried_again() -> None:
    with pytest.raises(ours.UnknownCustomer):
        come("order.created", ORDER, "o-1")
    assert not SagaExecution.objects.exists()
    come("user.created", ALICE)
    assert come("order.created", ORDER, "o-1")


def test_a_name_can_change_and_an_account_can_not() -> None:
    come("user.created", ALICE)
    before = Customer.objects.get().account_id
    come("user.created", {**ALICE, "name": "Alice Bergmann", "login": "other@example.com"})
    assert Customer.objects.get().name == "Alice Bergmann"
    assert Customer.objects.get().account_id == before
    assert not MODEL.objects.filter(**{LOGIN: "other@example.com"}).exists()


def test_an_event_gets_nobody_an_account_of_the_staff(crew: Crew) -> None:
    with pytest.raises(ValueError, match="staff"):
        come("user.created", {**ALICE, "login": crew.anna.get_username()})
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        {},
        {**ALICE, "user_id": ""},
        {**ALICE, "user_id": 7},
        {**ALICE, "name": "n" * 101},
        {**ALICE, "login": None},
    ],
    ids=str,
)
def test_a_malformed_customer_leaves_nothing(data: Any) -> None:
    with pytest.raises(ValidationError):
        come("user.created", data)
    assert not Customer.objects.exists()
    assert not MODEL.objects.exists()


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"order_id": "a b"}, ValidationError),
        ({"order_id": "../../x"}, ValidationError),
        ({"order": []}, ValidationError),
        ({"order": {}}, BadInput),
        ({"order": {**THINGS, "amount_cents": -1}}, BadInput),
    ],
    ids=str,
)
def test_a_malformed_order_leaves_nothing(changed: dict[str, Any], error: type[Exception]) -> None:
    come("user.created", ALICE)
    with pytest.raises(error):
        come("order.created", {**ORDER, **changed})
    assert not SagaExecution.objects.exists()
    assert not Message.objects.exists()


def test_another_order_of_the_same_number_is_refused() -> None:
    come("user.created", ALICE)
    come("order.created", ORDER)
    with pytest.raises(Conflict):
        come("order.created", {**ORDER, "order": {**THINGS, "amount_cents": 1}})


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor(FOLDER / "logs" / "handlers", REPOSITORY, say=lambda _: None) as found:
        yield found


@pytest.mark.django_db(transaction=True)
def test_by_a_real_broker_and_a_real_consumer(broker: Any, supervisor: Supervisor) -> None:
    """The order comes first, both come twice, and there is garbage between."""
    bus: Bus = broker.bus
    supervisor.start(consumer(environment(bus, DJANGO_SETTINGS_MODULE="tests.settings")))
    order, customer = event("o-1", "order.created", ORDER), event("u-1", "user.created", ALICE)
    publish(bus, order, event("o-0", "order.created", "garbage"), order, exchange="orders")
    wait_until(lambda: DeadLetter.objects.filter(event_id="~o-1").exists(), "the first try")
    assert not SagaExecution.objects.exists()
    publish(bus, customer, customer, exchange="users")
    wait_until(lambda: SagaExecution.objects.exists(), "the saga")
    wait_until(lambda: not DeadLetter.objects.filter(event_id="~o-1").exists(), "the last try")
    assert Customer.objects.count() == Message.objects.count() == 1
    assert DeadLetter.objects.get().event_id == "~o-0"
    assert not dead_letters.dead().filter(event_id="~o-1").exists()
