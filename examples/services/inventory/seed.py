"""The first stock."""

from examples.services.inventory.models import Stock


def seed() -> None:
    """Fill the shelves, unless there is a stock already; the piano is always sold out."""
    if Stock.objects.exists():
        return
    pieces = {"book": 500, "lamp": 500, "chair": 500, "piano": 0}
    Stock.objects.bulk_create(Stock(sku=sku, available=count) for sku, count in pieces.items())
