from typing import Any

from django.db import migrations, models

BATCH = 1000
"""Rows to a statement: far from its time limit, and nobody waits for long for one of them."""


def mark_history(apps: Any, schema_editor: Any) -> None:
    """What happened before there was an event bus is no news: nobody listened, and to send it all
    would take hours. Each batch is a transaction of its own, while sagas go on."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM sagas_sagaexecution")
        last, done = cursor.fetchone()[0], 0
        while done < last:
            cursor.execute(
                "UPDATE sagas_sagaexecution SET relayed_seq = last_seq "
                "WHERE id > %s AND id <= %s",
                [done, done + BATCH],
            )
            done += BATCH


class Migration(migrations.Migration):
    atomic = False

    dependencies = [('sagas', '0002_more_kinds_of_steps')]

    operations = [
        migrations.AddField(
            model_name='sagaexecution',
            name='relayed_seq',
            field=models.PositiveBigIntegerField(db_default=0, help_text='The number of the newest event that is on the event bus.'),
        ),
        migrations.RunPython(mark_history, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='sagaexecution',
            index=models.Index(condition=models.Q(('relayed_seq__lt', models.F('last_seq'))), fields=['updated_at'], name='saga_execution_unrelayed'),
        ),
    ]
