"""Words on an image or on one of its marks."""

from django.db import models

from campaigns.models import User
from generation.models import Generation
from review.models.annotation import Annotation


class Comment(models.Model):
    """One message of a thread. Without an annotation it speaks of the whole image."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="comments")
    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, null=True, blank=True, related_name="comments")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="comments")
    text = models.TextField()
    mentions: models.ManyToManyField = models.ManyToManyField(User, related_name="mentioned_in", blank=True)
    at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.by}: {self.text[:40]}"
