"""Which version of a shot lies on top: kept as it happens, so that a sheet of stacks elects nobody while it is read."""

from django.db import models

from campaigns.models import Campaign, Shot
from generation.models import Generation


class Stack(models.Model):
    """One row a shot that has finished versions. `top` is the one that stands (the triggers say which).

    Triggers on Generation are the only writer (`review/migrations/_stack_triggers.py`): whatever changes an image
    changes its stack in the same transaction.
    """

    shot = models.OneToOneField(
        Shot, on_delete=models.CASCADE, primary_key=True, related_name="stack", db_constraint=False
    )
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    top = models.OneToOneField(Generation, on_delete=models.CASCADE, related_name="tops", db_constraint=False)
    newest = models.OneToOneField(Generation, on_delete=models.CASCADE, related_name="newest_of", db_constraint=False)
    versions = models.PositiveIntegerField()
    turned_at = models.DateTimeField(help_text="When another version came on top, or one more version arrived.")

    class Meta:
        indexes = [models.Index(fields=["campaign", "turned_at"], name="stack_turned")]

    def __str__(self) -> str:
        return f"{self.top_id} of {self.versions}"
