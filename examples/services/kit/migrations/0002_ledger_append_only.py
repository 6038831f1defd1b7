"""Let the database itself refuse to change the ledger."""

from typing import ClassVar

from django.db import migrations

FORBID = """
CREATE FUNCTION kit_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append only: write an entry with the opposite amount instead';
END $$;
CREATE TRIGGER kit_ledger_is_append_only BEFORE UPDATE OR DELETE ON kit_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION kit_ledger_is_append_only();
"""
ALLOW = """
DROP TRIGGER kit_ledger_is_append_only ON kit_ledgerentry;
DROP FUNCTION kit_ledger_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("kit", "0001_initial")]

    operations: ClassVar = [migrations.RunSQL(FORBID, ALLOW)]
