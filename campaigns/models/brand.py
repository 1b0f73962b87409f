"""What a brand looks like, and the rules learnt from decisions."""

from django.db import models


class BrandKit(models.Model):
    """Palette, mood and words of a brand; a campaign may follow one."""

    workspace = models.ForeignKey("Workspace", on_delete=models.CASCADE, related_name="brand_kits")
    name = models.CharField(max_length=80)
    palette = models.JSONField(default=list, blank=True, help_text="Colours as #rrggbb.")
    mood = models.JSONField(default=list, blank=True, help_text="Words such as calm, warm, precise.")
    negatives = models.JSONField(default=list, blank=True, help_text="What never appears.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="brand_kit_name_once")]

    def __str__(self) -> str:
        return self.name


class PromptRule(models.Model):
    """One sentence that every prompt of the brand obeys; proposed by the record, accepted by a person."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"

    brand_kit = models.ForeignKey("BrandKit", on_delete=models.CASCADE, related_name="rules")
    text = models.CharField(max_length=240)
    state = models.CharField(max_length=12, choices=State.choices, default=State.ACCEPTED)
    reason = models.CharField(max_length=240, blank=True)
    decided_by = models.ForeignKey("User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True, decided_at__isnull=True)
                | models.Q(decided_by__isnull=False, decided_at__isnull=False),
                name="prompt_rule_decided_who_and_when",
            )
        ]

    def __str__(self) -> str:
        return self.text
