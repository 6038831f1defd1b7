"""The same constraints, said shorter.

Each statement that writes reads and compiles them anew, each choice by itself: they were a sixth of
what PostgreSQL does for a transition. Whether an execution has finished says now what its status
may be, and that tells when somebody must look at it. The table is locked while it is read once.
"""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0007_behind_a_queue'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='sagaexecution',
            name='saga_execution_status',
        ),
        migrations.RemoveConstraint(
            model_name='sagaexecution',
            name='saga_execution_finished',
        ),
        migrations.RemoveConstraint(
            model_name='sagaexecution',
            name='saga_execution_wakes',
        ),
        migrations.RemoveConstraint(
            model_name='sagaexecution',
            name='saga_execution_outcome',
        ),
        migrations.AddConstraint(
            model_name='sagaexecution',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at', None), ('status__in', ['compensating', 'pending', 'running'])), models.Q(('finished_at__isnull', False), ('status__in', ['compensated', 'completed', 'failed'])), _connector='OR'), name='saga_execution_status'),
        ),
        migrations.AddConstraint(
            model_name='sagaexecution',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at', None), ('wake_at__isnull', False)), models.Q(('finished_at__isnull', False), ('wake_at', None)), models.Q(('parent__isnull', False), ('wake_at__isnull', False)), ('paused', True), ('waits_for_signal', True), _connector='OR'), name='saga_execution_wakes'),
        ),
        migrations.AddConstraint(
            model_name='sagaexecution',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('number', 0), ('outcome', ''), ('parent', None), ('parent_step', '')), models.Q(('outcome__in', ['', 'completed', 'final', 'gave_up', 'undone', 'stuck']), ('parent__isnull', False)), _connector='OR'), name='saga_execution_outcome'),
        ),
    ]
