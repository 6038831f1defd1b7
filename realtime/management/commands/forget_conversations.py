"""`manage.py forget_conversations`: to be run after `saga prune`."""

from typing import Any

from django.core.management.base import BaseCommand

from realtime import conversations


class Command(BaseCommand):
    help = "Deletes the conversations whose order was deleted."

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        while found := conversations.forget():
            count += found
        self.stdout.write(f"{count} conversations were deleted.")
