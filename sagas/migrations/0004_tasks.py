import django.db.models.deletion
from django.db import migrations, models

# A table of its own: code of the version before runs with it, and knows nothing of tasks. A wait
# that begins or ends there is not listed, or not listed any more.


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0003_permissions'),
    ]

    operations = [
        migrations.CreateModel(
            name='SagaTask',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('saga_type', models.CharField(max_length=127)),
                ('step', models.CharField(max_length=63)),
                ('assignee', models.CharField(blank=True, db_default='', help_text='A login; empty for nobody.', max_length=254)),
                ('since', models.DateTimeField(help_text='When the wait began.')),
                ('due_at', models.DateTimeField(null=True)),
                ('execution', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tasks', to='sagas.sagaexecution')),
            ],
            options={
                'indexes': [models.Index(fields=['due_at', 'id'], name='saga_task_due'), models.Index(fields=['saga_type', 'step', 'due_at', 'id'], name='saga_task_type'), models.Index(condition=models.Q(('assignee', ''), _negated=True), fields=['assignee', 'due_at', 'id'], name='saga_task_assignee')],
                'constraints': [models.UniqueConstraint(fields=('execution', 'step'), name='saga_task_once')],
            },
        ),
    ]
