"""The receipt has the key, and the notification's id with it."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("notifications", "0001_initial")]

    operations: ClassVar = [migrations.RemoveField(model_name="notification", name="key")]
