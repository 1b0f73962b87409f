"""What people did to an image that would leave no trace of its own."""

from django.db import models
from django.utils import timezone


class ImageEvent(models.Model):
    """One thing that somebody did to an image or one of its marks. Append-only; written with the thing itself."""

    class Kind(models.TextChoices):
        MARKED = "marked", "Drew a mark"
        RESOLVED = "resolved", "Resolved a mark"
        REOPENED = "reopened", "Reopened a mark"
        DELETED = "deleted", "Deleted a mark"
        ASSIGNED = "assigned", "Asked somebody to look"
        UNASSIGNED = "unassigned", "Asks somebody no more"

    generation = models.ForeignKey("generation.Generation", on_delete=models.CASCADE, related_name="image_events")
    by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    annotation = models.ForeignKey("Annotation", on_delete=models.CASCADE, null=True, blank=True, related_name="events")
    whom = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.by}: {self.get_kind_display()}"
