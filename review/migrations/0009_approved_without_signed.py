from django.db import migrations

from review.migrations import _tally_triggers


class Migration(migrations.Migration):
    """The figure of the approved images leaves out the signed ones, as the filter does: counted anew."""

    dependencies = [
        ("review", "0008_saved_views"),
    ]

    operations = [
        migrations.RunPython(_tally_triggers.create, migrations.RunPython.noop),
    ]
