from typing import ClassVar

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name="Fault",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("path", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=200)),
                ("probability", models.FloatField()),
                ("latency", models.FloatField()),
                ("when", models.CharField(max_length=6)),
                ("answer", models.JSONField(null=True)),
                ("times", models.PositiveIntegerField(null=True)),
                ("for_seconds", models.FloatField(null=True)),
                ("fired", models.PositiveIntegerField(default=0)),
                ("active_until", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(db_index=True, max_length=200)),
                ("kind", models.CharField(max_length=20)),
                ("subject", models.CharField(max_length=200)),
                ("amount", models.BigIntegerField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("key", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("fingerprint", models.CharField(blank=True, max_length=64)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("applied", "an action that had its effect"),
                            ("refused", "an action that a business rule refused"),
                            ("undone", "an action whose effect has been undone"),
                            (
                                "tombstone",
                                "an action undone before it was seen, and refused ever after",
                            ),
                            (
                                "compensation",
                                "a compensation, whether or not it found anything to undo",
                            ),
                        ],
                        max_length=12,
                    ),
                ),
                ("status", models.PositiveSmallIntegerField(default=0)),
                ("body", models.TextField(default="")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "outcome__in",
                                ["applied", "refused", "undone", "tombstone", "compensation"],
                            )
                        ),
                        name="receipt_outcome_is_known",
                    )
                ],
            },
        ),
    ]
