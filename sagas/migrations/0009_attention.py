"""What needs a person is found by an index, wherever it stands.

By which definitions live executions go: one that has none here, or one of another structure, is
left alone (S12). And the failed members of a family, from its top (L4). No column changes. To make
the indexes the table is read, and meanwhile nobody writes to it.
"""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0008_fewer_choices'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='sagaexecution',
            index=models.Index(condition=models.Q(('root__isnull', False), ('status', 'failed')), fields=['root', '-id'], name='saga_execution_trouble'),
        ),
        migrations.AddIndex(
            model_name='sagaexecution',
            index=models.Index(condition=models.Q(('finished_at', None), ('wake_at__isnull', False), _connector='OR'), fields=['saga_type', 'version', 'definition_digest'], name='saga_execution_live'),
        ),
    ]
