"""What keeps the tables small, and each transition's write short.

Each transition makes a new version of its row, with an entry in each index that the row is in. So
the indexes that few rows need have only those, and the second index of saga_id, which Django makes
for `LIKE` under other collations than C, is not there any more. The tables are locked while their
indexes are made.
"""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

LIKE_INDEX = 'sagas_sagaexecution_saga_id_f495425b_like'

# The row table: each execution leaves some fifteen dead versions of its row. With room in its page
# the next version comes into the same one, where the log needs only what differs, and the dead ones
# before it are reused at once: a tenth less log, and a smaller table while sagas run. By default a
# fifth of the table has to be dead before it is vacuumed; with a million executions that is far more
# than the live ones ever are.
# The events: rows are only added, until they are deleted in batches. What was added is soon marked
# as visible to all, so that a later vacuum, or a scan of the index alone, skips it.
STORAGE = """
ALTER TABLE sagas_sagaexecution SET (
    fillfactor = 60,
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_limit = 2000
);
ALTER TABLE sagas_sagaevent SET (
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_limit = 2000
);
"""

BACK = """
ALTER TABLE sagas_sagaexecution RESET (
    fillfactor,
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_analyze_scale_factor, autovacuum_vacuum_cost_limit
);
ALTER TABLE sagas_sagaevent RESET (
    autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold,
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_limit
);
"""


class Migration(migrations.Migration):
    dependencies = [("sagas", "0004_tags")]

    operations = [
        migrations.RunSQL(STORAGE, BACK),
        migrations.AlterField(
            model_name='sagaexecution',
            name='saga_id',
            field=models.CharField(db_collation='C', max_length=255, unique=True),
        ),
        migrations.RunSQL(
            f'DROP INDEX IF EXISTS {LIKE_INDEX}',
            f'CREATE INDEX {LIKE_INDEX} ON sagas_sagaexecution (saga_id varchar_pattern_ops)',
        ),
        migrations.AlterField(
            model_name='sagaexecution',
            name='root',
            field=models.ForeignKey(db_index=False, help_text='The topmost parent: locks are held by the whole family.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='sagas.sagaexecution'),
        ),
        migrations.AddIndex(
            model_name='sagaexecution',
            index=models.Index(condition=models.Q(('root__isnull', False)), fields=['root'], name='saga_execution_family'),
        ),
        migrations.RemoveIndex(model_name='sagaexecution', name='saga_execution_owner'),
        migrations.AddIndex(
            model_name='sagaexecution',
            index=models.Index(condition=models.Q(('owner__isnull', False)), fields=['owner', '-id'], name='saga_execution_owner'),
        ),
        migrations.RemoveIndex(model_name='sagaexecution', name='saga_execution_tags'),
        migrations.AddIndex(
            model_name='sagaexecution',
            index=django.contrib.postgres.indexes.GinIndex(condition=models.Q(('tags', []), _negated=True), fields=['tags'], name='saga_execution_tags', opclasses=['jsonb_path_ops']),
        ),
        migrations.AddIndex(
            model_name="sagaexecution",
            index=models.Index(
                condition=models.Q(("parent", None), ("status__in", ["compensated", "completed"])),
                fields=["finished_at", "id"],
                name="saga_execution_ended",
            ),
        ),
    ]
