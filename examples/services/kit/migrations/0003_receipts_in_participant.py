"""Receipts are kept by the participant's kit now; keys may be as long as it takes them.

The old receipts are not taken along: they don't say which action they are of. No saga may be under
way during this migration, and the demo begins with empty databases anyway.
"""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("kit", "0002_ledger_append_only")]

    operations: ClassVar = [
        migrations.DeleteModel(name="Receipt"),
        migrations.AlterField(
            model_name="ledgerentry",
            name="key",
            field=models.CharField(db_index=True, max_length=400),
        ),
    ]
