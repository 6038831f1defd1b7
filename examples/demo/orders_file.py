"""The file of sample orders: what it may say, and a clear error for what it may not."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

# The service that each step of the order saga calls, in the order of the steps.
SERVICE_OF_STEP = {
    "validate_user": "users",
    "reserve_inventory": "inventory",
    "process_payment": "payments",
    "create_order": "orders",
    "send_confirmation": "notifications",
}
STEPS = tuple(SERVICE_OF_STEP)
STEP_OF_SERVICE = {service: step for step, service in SERVICE_OF_STEP.items()}

Service = Literal["users", "inventory", "payments", "orders", "notifications"]
Outcome = Literal["completed", "compensated"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")]


class OrdersFileError(Exception):
    """The file of orders can't be used; the text says where and why."""


class Part(BaseModel):
    """Any part of the file: a misspelt field is an error, and a string is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Item(Part):
    """So many pieces of one article."""

    sku: Name
    quantity: Annotated[int, Field(ge=1)]


class OrderContext(Part):
    """The input of the saga, sent as it stands."""

    user_id: Name
    items: Annotated[list[Item], Field(min_length=1)]
    amount_cents: Annotated[int, Field(ge=1)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    card: Name


class Fault(Part):
    """How a service is to mistreat this order's requests; latency and for_seconds in seconds."""

    service: Service
    direction: Literal["action", "compensation"] = "action"
    when: Literal["before", "after"] = "before"
    answer: Annotated[int, Field(ge=400, le=599)] | Literal["drop"] | None = None
    latency: Annotated[float, Field(ge=0, le=60)] = 0.0
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    times: Annotated[int, Field(ge=1)] | None = None
    for_seconds: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def does_something(self) -> "Fault":
        """Refuse a fault that nobody would notice."""
        if self.answer is None and not self.latency:
            raise ValueError("a fault needs an answer (a status or 'drop'), a latency, or both")
        return self

    def request(self, saga_id: str) -> dict[str, Any]:
        """The body of `POST /faults` that mistreats this saga and no other."""
        step = STEP_OF_SERVICE[self.service]
        body = self.model_dump(exclude={"service", "direction"})
        return {**body, "key": f"{saga_id}:{step}:{self.direction}"}


class Outage(Part):
    """A service whose process is stopped when the order is sent, and started after `seconds`."""

    service: Service
    seconds: Annotated[float, Field(gt=0, le=30)]


class SampleOrder(Part):
    """One order, what is done to it, and how its saga has to end."""

    id: Name
    expect: Outcome
    why: Annotated[str, Field(min_length=1, max_length=100)]
    context: OrderContext
    faults: list[Fault] = []
    outage: Outage | None = None

    def body(self, saga_id: str) -> dict[str, Any]:
        """The body of `POST /api/v1/sagas`."""
        context = self.context.model_dump()
        return {"saga_type": "order_processing", "saga_id": saga_id, "context": context}


class OrdersFile(Part):
    """The whole file."""

    order: Annotated[list[SampleOrder], Field(min_length=1)]


def load_orders(path: Path) -> list[SampleOrder]:
    """The orders of a TOML file, in their order. OrdersFileError names what is wrong, and where."""
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise OrdersFileError(f"{path} can't be read: {error.strerror}.") from None
    except ValueError as error:  # a TOMLDecodeError, which names the line, or a UnicodeDecodeError
        raise OrdersFileError(f"{path} is not TOML: {error}.") from None
    try:
        orders = OrdersFile.model_validate(document).order
    except ValidationError as error:
        problems = [f"  {where(text, e['loc'])}: {e['msg']}" for e in error.errors()]
        raise OrdersFileError("\n".join([f"{path} has mistakes:", *problems])) from None
    seen: set[str] = set()
    for number, order in enumerate(orders):
        if order.id in seen:
            place = where(text, ("order", number, "id"))
            raise OrdersFileError(f"{path}: {place}: {order.id} is taken; give each its own id.")
        seen.add(order.id)
    return orders


def where(text: str, location: tuple[str | int, ...]) -> str:
    """The place of a mistake in words, with the line at which its order begins."""
    if len(location) < 2 or not isinstance(location[1], int):
        return ".".join(str(part) for part in location)
    number = location[1]
    heads = [m.start() for m in re.finditer(r"^[ \t]*\[\[[ \t]*order[ \t]*]]", text, re.MULTILINE)]
    field = ".".join(str(part) for part in location[2:])
    if number >= len(heads):  # orders may also be written as one inline array
        return f"order {number + 1}, {field}"
    line = text.count("\n", 0, heads[number]) + 1
    return f"order {number + 1} (from line {line}), {field}"
