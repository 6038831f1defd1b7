"""What an order must look like before a saga is made of it."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sagas import InvalidInput


class Item(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    sku: str = Field(min_length=1, max_length=64)
    quantity: int = Field(ge=1, le=10_000)


class Order(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    user_id: str = Field(min_length=1, max_length=64)
    items: list[Item] = Field(min_length=1, max_length=100)
    amount_cents: int = Field(ge=1, le=100_000_000)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    card: str = Field(min_length=1, max_length=64)


def check_order(context: Mapping[str, Any]) -> None:
    """Raises `InvalidInput`, naming each field at fault."""
    try:
        Order.model_validate(dict(context))
    except ValidationError as error:
        raise InvalidInput(
            {".".join(str(part) for part in item["loc"]): item["msg"] for item in error.errors()}
        ) from error
