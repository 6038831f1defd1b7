from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("payment_id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("user_id", models.CharField(max_length=200)),
                ("amount_cents", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("refunded", models.BooleanField(default=False)),
            ],
        ),
    ]
