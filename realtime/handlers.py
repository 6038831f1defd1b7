"""What is done about events of other services (docs/events.md).

Each handler runs in one transaction with the library's note of the event, so what it writes is
there once, however often the event comes.
"""

from typing import Annotated, Any

from django.contrib.auth import get_user_model
from pydantic import BaseModel, Field, StringConstraints

from realtime import conversations
from realtime.models import CUSTOMER_ID_LENGTH, NAME_LENGTH, Customer
from sagas import access, engine, users
from sagas.bus.events import Event, on_event

CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=CUSTOMER_ID_LENGTH)]


class UserCreated(BaseModel):
    """What the users service tells; it may tell more."""

    user_id: CustomerId
    name: str = Field(min_length=1, max_length=NAME_LENGTH)
    login: str = Field(min_length=1, max_length=150)


class OrderCreated(BaseModel):
    """What the shop tells; `order` is the input of the saga, which looks at it itself."""

    order_id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")
    order: dict[str, object]
    user_id: CustomerId


class UnknownCustomer(Exception):
    """An order of somebody of whom the users service has not told yet."""


@on_event("user.created", exchange="users")
def add_customer(event: Event) -> None:
    """A customer, and the account that they log in with: made without a password, if missing.

    An account of the staff is nobody's to be had by an event. A later event of the same customer
    changes the name.
    """
    told = UserCreated.model_validate(event.data)
    if Customer.objects.filter(customer_id=told.user_id).update(name=told.name):
        return
    account: Any = users.named(told.login)  # of whatever model the project has
    if account is None:
        model = get_user_model()
        account = model._default_manager.create_user(**{model.USERNAME_FIELD: told.login})
    if users.is_staff(account) or access.policy().holds_rights(account):
        raise ValueError(f"{told.login!r} is a staff account: no customer can have it.")
    Customer.objects.create(customer_id=told.user_id, name=told.name, account=account)


@on_event("order.created", exchange="orders")
def start_order(event: Event) -> None:
    """The saga of an order, owned by its customer, and its conversation.

    The two events come by queues of their own, so an order may be here before its customer: then
    it is tried again, in one, two, four seconds.
    """
    told = OrderCreated.model_validate(event.data)
    customer = Customer.objects.filter(customer_id=told.user_id).first()
    if customer is None:
        raise UnknownCustomer(f"There is no customer {told.user_id!r} yet.")
    started = engine.start(
        conversations.SAGA_TYPE,
        {**told.order, "user_id": told.user_id},
        saga_id=f"order-{told.order_id}",
        owner_id=customer.account_id,
    )
    conversations.greet(
        started.execution_id,
        started.saga_id,
        f"Thank you for your order, {customer.name}. Write here if you need anything.",
    )
