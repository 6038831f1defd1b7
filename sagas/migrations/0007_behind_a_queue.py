"""What was put off as its queue was full can be found once that is free.

The column is written into no row. To make the index, which begins empty, the table is read once, and
meanwhile nobody writes to it.
"""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0006_hot_rows'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='sagaexecution',
            name='behind',
            field=models.TextField(blank=True, db_default='', help_text='The full queue that it was not told of again for: it is, once that is free.'),
        ),
        migrations.AddIndex(
            model_name='sagaexecution',
            index=models.Index(condition=models.Q(('behind', ''), _negated=True), fields=['behind', 'wake_at'], name='saga_execution_behind'),
        ),
    ]
