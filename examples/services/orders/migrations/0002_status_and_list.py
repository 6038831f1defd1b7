"""Orders are sent and delivered, too, and listed by user. The receipt has the key."""

from typing import ClassVar

import django.db.models.functions.datetime
from django.db import migrations, models

STATUSES = ["placed", "shipped", "delivered", "cancelled"]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("orders", "0001_initial")]

    operations: ClassVar = [
        migrations.RemoveConstraint(model_name="order", name="order_status_is_known"),
        migrations.RemoveField(model_name="order", name="key"),
        migrations.AddField(
            model_name="order",
            name="placed_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AlterField(
            model_name="order",
            name="status",
            field=models.CharField(
                choices=[(status, status.capitalize()) for status in STATUSES],
                default="placed",
                max_length=9,
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", STATUSES)), name="order_status_is_known"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["user_id", "-placed_at"], name="order_by_user"),
        ),
    ]
