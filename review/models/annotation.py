"""What people wrote on an image: annotations as W3C Web Annotations in image coordinates, and comments."""

from django.db import models


class Annotation(models.Model):
    """One mark. Its id is made by the browser, so that an offline mark is saved once however often it is sent."""

    class Kind(models.TextChoices):
        KEEP = "keep", "Keep"
        CHANGE = "change", "Change"
        REMOVE = "remove", "Remove"

    id = models.CharField(primary_key=True, max_length=40)
    generation = models.ForeignKey("generation.Generation", on_delete=models.CASCADE, related_name="annotations")
    by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, related_name="annotations")
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.CHANGE)
    shape = models.CharField(max_length=10, help_text="pin, rectangle, polygon or freehand")
    target = models.JSONField(help_text="The W3C target: source and selector in pixels of the image.")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    resolved_in = models.ForeignKey(
        "generation.Generation", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.generation_id}"


class Comment(models.Model):
    """One message of a thread. Without an annotation it speaks of the whole image."""

    generation = models.ForeignKey("generation.Generation", on_delete=models.CASCADE, related_name="comments")
    annotation = models.ForeignKey(
        "Annotation", on_delete=models.CASCADE, null=True, blank=True, related_name="comments"
    )
    by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, related_name="comments")
    text = models.TextField()
    mentions: models.ManyToManyField = models.ManyToManyField("campaigns.User", related_name="mentioned_in", blank=True)
    at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.by}: {self.text[:40]}"
