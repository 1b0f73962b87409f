"""Every workspace gets the list that was fixed so far, every rejection the words it was filed under."""

from typing import Any

from django.db import migrations

# As they were at this moment; `review.services.reasons` may go on from here.
REASONS = (
    ("composition", "Composition", "one clear subject, balanced, with room around it"),
    ("off_brand", "Off-brand", "the brand's palette, mood and rules, followed more closely"),
    ("artefacts", "Artefacts", "clean edges and surfaces, nothing mangled or melted"),
    ("text", "Text", "letters exactly as they were asked for, and none where none were"),
    ("anatomy", "Anatomy", "hands, faces and limbs as in life"),
    ("product", "Product wrong", "the product as in its reference: shape, colours and parts"),
    ("legal", "Legal", "nothing that belongs to others: no foreign marks, designs or likenesses"),
    ("other", "Other", ""),
)


def give_reasons(apps: Any, schema_editor: Any) -> None:
    workspaces, reasons = apps.get_model("campaigns", "Workspace"), apps.get_model("review", "RejectReason")
    verdicts = apps.get_model("review", "Verdict")
    for workspace_id in workspaces.objects.values_list("pk", flat=True):
        reasons.objects.bulk_create(
            [
                reasons(
                    workspace_id=workspace_id,
                    code=code,
                    label=label,
                    hint=hint,
                    asks_note=code == "other",
                    position=position,
                )
                for position, (code, label, hint) in enumerate(REASONS)
            ],
            ignore_conflicts=True,
        )
    for code, label, _ in REASONS:
        verdicts.objects.filter(reason=code, reason_words="").update(reason_words=label)


class Migration(migrations.Migration):
    dependencies = [("review", "0003_reject_reasons"), ("campaigns", "0002_for_the_sheet")]

    operations = [migrations.RunPython(give_reasons, migrations.RunPython.noop, elidable=True)]
