"""What a generation cost is the sum of its ledger entries, and no column beside them: each bill wrote its row once more.

And no index by who asked for it, which nothing looks for. It is dropped by name, as in 0007: a changed column would be
a new table on SQLite, without the triggers that are on this one. A column that goes is no new table there.
"""

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def drop_index(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """The index of that one column alone."""
    model = apps.get_model("generation", "Generation")
    found = editor._constraint_names(model, ["requested_by_id"], index=True, unique=False, primary_key=False)
    for index in found:
        editor.execute(f"DROP INDEX {editor.quote_name(index)}")


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0007_fewer_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop_index, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(
                    "generation",
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                )
            ],
        ),
        migrations.RemoveField("generation", "cost"),
    ]
