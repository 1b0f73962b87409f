"""Each step of a generation's life writes a line into every index of its row: eight of eighteen were no use.

An index for a foreign key beside one that begins with the same column, and PostgreSQL's second index of a text key
for LIKE, which nothing asks for. They are dropped by name, because a changed column would be a new table on SQLite,
without the triggers that are on this one.
"""

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q

UNUSED = (
    ("Generation", "id"),
    ("Generation", "key"),
    ("Generation", "workspace"),
    ("Generation", "campaign"),
    ("Generation", "shot"),
    ("Generation", "parent"),
    ("GenerationEvent", "generation"),
    ("GenerationEvent", "by"),
    ("LedgerEntry", "workspace"),
    ("LedgerEntry", "campaign"),
    ("LedgerEntry", "generation"),
)


def drop_unused(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Every index of that one column alone, but what makes it unique."""
    for name, column in UNUSED:
        model = apps.get_model("generation", name)
        columns = [model._meta.get_field(column).column]
        found = editor._constraint_names(model, columns, index=True, unique=False, primary_key=False)
        for index in found:
            editor.execute(f"DROP INDEX {editor.quote_name(index)}")


def foreign(to: str, related_name: str, **options: object) -> models.ForeignKey:
    """A foreign key without an index of its own."""
    options = {"on_delete": django.db.models.deletion.PROTECT, **options}
    return models.ForeignKey(to=to, related_name=related_name, db_index=False, **options)


CASCADE = django.db.models.deletion.CASCADE
OPTIONAL = {"null": True, "blank": True}


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0005_campaign_form_key"),
        ("generation", "0006_score_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex("generation", "generation_stack"),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop_unused, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(model, name, field)
                for model, name, field in (
                    ("generation", "workspace", foreign("campaigns.workspace", "generations", on_delete=CASCADE)),
                    ("generation", "campaign", foreign("campaigns.campaign", "generations", on_delete=CASCADE)),
                    ("generation", "shot", foreign("campaigns.shot", "generations", on_delete=CASCADE)),
                    ("generation", "parent", foreign("generation.generation", "children", **OPTIONAL)),
                    ("generationevent", "generation", foreign("generation.generation", "events", on_delete=CASCADE)),
                    ("generationevent", "by", foreign(settings.AUTH_USER_MODEL, "+", **OPTIONAL)),
                    ("ledgerentry", "workspace", foreign("campaigns.workspace", "ledger")),
                    ("ledgerentry", "campaign", foreign("campaigns.campaign", "ledger", **OPTIONAL)),
                    ("ledgerentry", "generation", foreign("generation.generation", "ledger", **OPTIONAL)),
                )
            ],
        ),
        migrations.AddIndex(
            "generation",
            models.Index(fields=["parent"], name="generation_children", condition=Q(parent__isnull=False)),
        ),
        migrations.AddIndex("generationevent", models.Index(fields=["generation"], name="event_of_generation")),
        migrations.AddIndex(
            "generationevent",
            models.Index(fields=["by"], name="event_by_a_person", condition=Q(by__isnull=False)),
        ),
        migrations.AddIndex("ledgerentry", models.Index(fields=["generation"], name="ledger_by_generation")),
    ]
