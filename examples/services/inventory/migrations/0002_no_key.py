"""The receipt has the key, and the reservation's id with it."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("inventory", "0001_initial")]

    operations: ClassVar = [migrations.RemoveField(model_name="reservation", name="key")]
