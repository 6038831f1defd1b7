from typing import ClassVar

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = []

    operations: ClassVar = [
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('key', models.CharField(max_length=400, primary_key=True, serialize=False)),
                ('operation', models.CharField(help_text='The action, as its decorator names it.', max_length=100)),
                ('outcome', models.CharField(choices=[('applied', 'an action that had its effect'), ('refused', 'an action that was refused'), ('undone', 'an action whose effect has been undone'), ('tombstone', 'an action undone before it was seen, and refused ever after'), ('compensation', 'a compensation, whether or not it found anything to undo')], max_length=12)),
                ('fingerprint', models.CharField(blank=True, help_text='SHA-256 of the request, to tell a repetition from a reuse. Empty for a tombstone: the request that it answers has not been seen.', max_length=64)),
                ('status', models.PositiveSmallIntegerField(default=0)),
                ('content_type', models.CharField(default='', max_length=255)),
                ('body', models.BinaryField(default=b'')),
                ('changed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('outcome__in', ['applied', 'refused', 'undone', 'tombstone', 'compensation'])), name='participant_outcome_is_known')],
            },
        ),
    ]
