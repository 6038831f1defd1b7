"""Transitions that write no index.

A new version of a row goes into the same page, and into no index (PostgreSQL calls that HOT), if no
column of any index, or of an index's condition, has changed. `last_seq` changes with each
transition; whether something is unrelayed does not. The table is written anew for that column, and
locked meanwhile.

And constraints that repeat what others say, or what the only two statements that write events hold
anyway: each is compiled anew by each statement, a sixth of what a transition costs.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0005_growth'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='sagaevent',
            name='saga_event_direction',
        ),
        migrations.RemoveConstraint(
            model_name='sagaevent',
            name='saga_event_seq',
        ),
        migrations.RemoveConstraint(
            model_name='sagaevent',
            name='saga_event_type',
        ),
        migrations.RemoveIndex(
            model_name='sagaexecution',
            name='saga_execution_unrelayed',
        ),
        migrations.AddField(
            model_name='sagaexecution',
            name='unrelayed',
            field=models.GeneratedField(db_persist=True, expression=models.ExpressionWrapper(models.Q(('relayed_seq__lt', models.F('last_seq'))), output_field=models.BooleanField()), help_text='Whether it has events that are not on the event bus.', output_field=models.BooleanField()),
        ),
        migrations.AlterField(
            model_name='sagaevent',
            name='attempt',
            field=models.IntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='sagaevent',
            name='execution',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='sagas.sagaexecution'),
        ),
        migrations.AlterField(
            model_name='sagaevent',
            name='seq',
            field=models.BigIntegerField(),
        ),
        migrations.AlterField(
            model_name='sagaexecution',
            name='hints_sent',
            field=models.SmallIntegerField(default=0, help_text='How often the hints of this very state were sent again.'),
        ),
        migrations.AlterField(
            model_name='sagaexecution',
            name='last_seq',
            field=models.BigIntegerField(help_text='The number of the newest event.'),
        ),
        migrations.AlterField(
            model_name='sagaexecution',
            name='number',
            field=models.IntegerField(db_default=0, help_text='Among the children of that step.'),
        ),
        migrations.AlterField(
            model_name='sagaexecution',
            name='relayed_seq',
            field=models.BigIntegerField(db_default=0, help_text='The number of the newest event that is on the event bus.'),
        ),
        migrations.AlterField(
            model_name='sagaexecution',
            name='revision',
            field=models.BigIntegerField(help_text='Grows by one with each saved transition.'),
        ),
        migrations.AlterField(
            model_name='sagaexecution',
            name='version',
            field=models.IntegerField(),
        ),
        migrations.AddIndex(
            model_name='sagaexecution',
            index=models.Index(condition=models.Q(('unrelayed', True)), fields=['id'], name='saga_execution_unrelayed'),
        ),
    ]
