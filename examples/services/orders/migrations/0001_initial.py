from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("order_id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("user_id", models.CharField(max_length=200)),
                ("items", models.JSONField()),
                ("reservation_id", models.CharField(max_length=200)),
                ("payment_id", models.CharField(max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[("placed", "Placed"), ("cancelled", "Cancelled")],
                        default="placed",
                        max_length=9,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["placed", "cancelled"])),
                        name="order_status_is_known",
                    )
                ],
            },
        ),
    ]
