"""Which version of a shot lies on top: kept as it happens, so that a sheet of stacks elects nobody while it is read."""

from django.db import models


class Stack(models.Model):
    """One row a shot that has finished versions. `top` is the one that stands (the triggers say which).

    Triggers on Generation are the only writer (`review/migrations/_stack_triggers.py`): whatever changes an image
    changes its stack in the same transaction.
    """

    shot = models.OneToOneField(
        "campaigns.Shot", on_delete=models.CASCADE, primary_key=True, related_name="stack", db_constraint=False
    )
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    top = models.OneToOneField(
        "generation.Generation", on_delete=models.CASCADE, related_name="tops", db_constraint=False
    )
    newest = models.OneToOneField(
        "generation.Generation", on_delete=models.CASCADE, related_name="newest_of", db_constraint=False
    )
    versions = models.PositiveIntegerField()
    turned_at = models.DateTimeField(help_text="When another version came on top, or one more version arrived.")

    class Meta:
        indexes = [models.Index(fields=["campaign", "turned_at"], name="stack_turned")]

    def __str__(self) -> str:
        return f"{self.top_id} of {self.versions}"
