"""What the critic said of one image."""

from django.db import models

from generation.models.generation import Generation


class Score(models.Model):
    """One scoring by one critic. Average, pass and weakest are computed by `generation.rules.gate`."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="scores")
    critic = models.CharField(max_length=80)
    dimensions = models.JSONField(help_text='{"composition": {"score": 7.5, "reason": "…"}, …}')
    average = models.DecimalField(max_digits=4, decimal_places=2)
    bar = models.DecimalField(max_digits=3, decimal_places=1)
    passed = models.BooleanField()
    weakest = models.CharField(max_length=20)
    reason = models.TextField(blank=True, help_text="The critic's reason for the weakest dimension.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.generation_id}: {self.average}"
