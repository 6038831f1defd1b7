from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "notification_id",
                    models.CharField(max_length=40, primary_key=True, serialize=False),
                ),
                ("key", models.CharField(max_length=200, unique=True)),
                ("user_id", models.CharField(max_length=200)),
                ("template", models.CharField(max_length=200)),
                ("order_id", models.CharField(max_length=200)),
            ],
        ),
    ]
