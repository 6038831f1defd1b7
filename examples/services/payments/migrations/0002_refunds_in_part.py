"""How much of a payment has been given back, and not only whether. The receipt has the key."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0001_initial")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="payment",
            name="refunded_cents",
            field=models.BigIntegerField(default=0),
        ),
        migrations.RunSQL(
            "UPDATE payments_payment SET refunded_cents = amount_cents WHERE refunded",
            "UPDATE payments_payment SET refunded = (refunded_cents > 0)",
        ),
        migrations.RemoveField(model_name="payment", name="refunded"),
        migrations.RemoveField(model_name="payment", name="key"),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=Q(refunded_cents__gte=0, refunded_cents__lte=F("amount_cents")),
                name="payment_refund_is_within_the_amount",
            ),
        ),
    ]
