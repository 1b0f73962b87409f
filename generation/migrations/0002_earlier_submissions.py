from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="generation",
            name="earlier_ids",
            field=models.JSONField(
                blank=True, default=list, help_text="The provider's ids of sendings that came to nothing."
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("handled_at__isnull", True)), fields=["id"], name="delivery_unhandled"
            ),
        ),
    ]
