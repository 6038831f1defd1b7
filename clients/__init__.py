"""Clients of the services, one class each. Methods that change something are done once, however
often a step repeats them; those that undo something name the key of what they undo."""

from clients.inventory import Inventory
from clients.notifications import Notifications
from clients.orders import Orders
from clients.payments import Payments
from clients.users import Users

__all__ = ["Inventory", "Notifications", "Orders", "Payments", "Users"]
