"""Links for people without an account."""

from django.db import models

from campaigns.models import Campaign, User


class ShareLink(models.Model):
    """A guest's door to one campaign: look and comment, until it expires."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="share_links")
    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=80)
    may_comment = models.BooleanField(default=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
