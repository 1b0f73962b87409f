"""How many finished images a campaign has, and of which kind: kept as it happens, so that nobody counts them."""

from django.db import models


class Tally(models.Model):
    """A share of a campaign's figures; all shares of a campaign together are the truth.

    Triggers on Generation are the only writer (`review/migrations/_tally_triggers.py`): whatever changes an image
    changes the share of its database connection with it. Several shares, so that two who decide at once do not wait
    for each other. Images of removed shots are among the figures; whoever reads takes them off.
    """

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="+", db_constraint=False)
    share = models.PositiveSmallIntegerField()
    finished = models.IntegerField(default=0)
    undecided = models.IntegerField(default=0)
    to_review = models.IntegerField(default=0)
    below = models.IntegerField(default=0)
    approved = models.IntegerField(default=0)
    escalated = models.IntegerField(default=0)

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["campaign", "share"], name="tally_once")]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.share}: {self.finished}"
