"""`flush` as the tests need it: every row goes, and what a migration put there stays. A tenth of Django's time.

Django truncates every table and announces a migration, whose receivers write content types, permissions and prices
anew. Here rows are deleted, which is quick where there are few, and those three tables are left as they are.
"""

from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction

from generation.models import Price
from generation.money.bills import store_catalogue_prices

KEPT = {"django_migrations", "django_content_type", "auth_permission", Price._meta.db_table}
# Foreign keys are not checked and no trigger counts down: all of it goes.
WITHOUT_TRIGGERS = "SET LOCAL session_replication_role = replica"


class Command(flush.Command):
    """In place of Django's own, which needs no superuser and serves a database that somebody else runs."""

    def handle(self, **options: Any) -> None:
        """Delete every row but those of KEPT, and bring the prices back to the catalogue's."""
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql" and cursor.execute("SHOW is_superuser").fetchone() != ("on",):
                super().handle(**options)
                return
        tables = sorted(set(connection.introspection.django_table_names()) - KEPT)
        statements = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]
        if connection.vendor == "postgresql":
            statements.insert(0, WITHOUT_TRIGGERS)
        with transaction.atomic(using=connection.alias):
            connection.ops.execute_sql_flush(statements)
            Price.objects.exclude(source="catalogue").delete()
            store_catalogue_prices()
