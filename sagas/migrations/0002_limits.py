import django.db.models.functions.comparison
from django.db import migrations, models

# The table has a row for each name of each saga that has not ended, so it is rewritten within
# moments. Code of the version before runs with the new one: it writes neither of the columns with
# defaults, and holds every name for a lock.


class Migration(migrations.Migration):

    dependencies = [
        ('sagas', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='sagalock',
            name='most',
            field=models.IntegerField(db_default=1, help_text='How many families may hold the name at a time, this one included.'),
        ),
        migrations.AddField(
            model_name='sagalock',
            name='family_place',
            field=models.BigIntegerField(help_text='The place of its family, if that had one before.', null=True),
        ),
        migrations.AddField(
            model_name='sagalock',
            name='place',
            field=models.GeneratedField(db_persist=True, expression=django.db.models.functions.comparison.Coalesce('family_place', 'id'), help_text='The place of its family in the queue: lower numbers come first.', output_field=models.BigIntegerField()),
        ),
        migrations.RemoveIndex(
            model_name='sagalock',
            name='saga_lock_queue',
        ),
        migrations.AddIndex(
            model_name='sagalock',
            index=models.Index(fields=['key', 'place'], name='saga_lock_place'),
        ),
        migrations.AddIndex(
            model_name='sagalock',
            index=models.Index(fields=['family_id', 'key'], name='saga_lock_family'),
        ),
    ]
