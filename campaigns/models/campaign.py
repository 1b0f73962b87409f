"""What people want: campaigns, shots, references, budgets."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from campaigns.models.money import UsdField


class Campaign(models.Model):
    """A brief, its shots and the rules under which they are made and judged."""

    class Planning(models.TextChoices):
        """Whether the shots have been proposed."""

        WAITING = "waiting", "Being read"
        PLANNED = "planned", "Planned"
        FAILED = "failed", "Could not be planned"

    class Source(models.TextChoices):
        BRIEF = "brief", "Brief"
        POSTS = "posts", "posts.json"
        TABLE = "table", "CSV"
        COMMAND = "command", "Command line"
        AGENT = "agent", "Agent"

    workspace = models.ForeignKey("Workspace", on_delete=models.CASCADE, related_name="campaigns")
    title = models.CharField(max_length=160)
    ticket = models.CharField(max_length=40, blank=True)
    brief = models.TextField(blank=True)
    key_points = models.JSONField(default=list, blank=True)
    mood = models.CharField(max_length=240, blank=True)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.BRIEF)
    brand_kit = models.ForeignKey(
        "BrandKit", on_delete=models.SET_NULL, null=True, blank=True, related_name="campaigns"
    )
    bar = models.DecimalField(
        max_digits=3, decimal_places=1, default=Decimal("7.0"), validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    max_attempts = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(1), MaxValueValidator(10)])
    base_seed = models.PositiveBigIntegerField()
    due_on = models.DateField(null=True, blank=True)
    requires_human_pick = models.BooleanField(
        default=False, help_text="Brand-strict, sensitive or real people: nothing is promoted without a person."
    )
    independent_first_look = models.BooleanField(
        default=False, help_text="Scores and colleagues' verdicts stay hidden until one's own verdict is in."
    )
    planning = models.CharField(max_length=8, choices=Planning.choices, default=Planning.WAITING)
    planning_note = models.TextField(blank=True)
    form_key = models.UUIDField(
        null=True,
        blank=True,
        editable=False,
        help_text="The filled-in form it came from: sent twice, it is one campaign.",
    )
    created_by = models.ForeignKey("User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "-created_at"], name="campaign_recent")]
        constraints = [
            models.CheckConstraint(condition=Q(bar__gte=1, bar__lte=10), name="campaign_bar_in_range"),
            models.CheckConstraint(
                condition=Q(max_attempts__gte=1, max_attempts__lte=10), name="campaign_attempts_in_range"
            ),
            models.UniqueConstraint(fields=["workspace", "form_key"], name="campaign_once_per_form"),
        ]

    def __str__(self) -> str:
        return self.title


class Shot(models.Model):
    """One picture that the campaign needs. Removed shots stay on record, with what they cost."""

    class Kind(models.TextChoices):
        HERO = "hero", "Hero"
        LIFESTYLE = "lifestyle", "Lifestyle"
        DETAIL = "detail", "Detail"
        SOCIAL = "social", "Social"
        ILLUSTRATION = "illustration", "Illustration"
        DRAFT = "draft", "Draft"
        OTHER = "other", "Other"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="shots")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    mood = models.CharField(max_length=240, blank=True)
    kind = models.CharField(max_length=14, choices=Kind.choices, default=Kind.OTHER)
    position = models.PositiveIntegerField(default=0)
    width = models.PositiveIntegerField(default=1024, validators=[MinValueValidator(64), MaxValueValidator(4096)])
    height = models.PositiveIntegerField(default=1024, validators=[MinValueValidator(64), MaxValueValidator(4096)])
    wants_text = models.BooleanField(default=False, help_text="Legible words belong into the picture.")
    prompt = models.TextField(blank=True)
    negative_prompt = models.TextField(blank=True)
    palette = models.JSONField(default=list, blank=True)
    model = models.CharField(max_length=120, blank=True)
    model_reason = models.CharField(max_length=300, blank=True)
    model_overridden = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "pk"]
        indexes = [
            models.Index(
                fields=["campaign", "position", "id"], name="shot_order", condition=Q(removed_at__isnull=True)
            ),
            models.Index(fields=["campaign", "removed_at"], name="shot_removed", condition=Q(removed_at__isnull=False)),
        ]
        constraints = [models.UniqueConstraint(fields=["campaign", "slug"], name="shot_slug_once")]

    def __str__(self) -> str:
        return self.title


def reference_path(instance: "Reference", filename: str) -> str:
    """By content, not by the uploader's name: no foreign path or script name reaches the disk."""
    return f"references/{instance.campaign.workspace_id}/{instance.sha256}.{instance.extension}"


class Reference(models.Model):
    """A picture that people uploaded: the product itself, or a style to follow."""

    class Role(models.TextChoices):
        PRODUCT = "product", "Product"
        STYLE = "style", "Style"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="references")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.PRODUCT)
    name = models.CharField(max_length=160)
    image = models.FileField(upload_to=reference_path, max_length=200)
    media_type = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    created_by = models.ForeignKey("User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "role", "sha256"], name="reference_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def extension(self) -> str:
        return {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}[self.media_type]


class Budget(models.Model):
    """A limit in USD for a workspace (no campaign) or one campaign, with what is spent and promised.

    Written by `generation.money.ledger` only: people set the limit through it, and it counts `spent` and `reserved`
    by conditional UPDATE.
    """

    workspace = models.ForeignKey("Workspace", on_delete=models.CASCADE, related_name="budgets")
    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, null=True, blank=True, related_name="budget")
    limit = UsdField()
    spent = UsdField(default=Decimal(0))
    reserved = UsdField(default=Decimal(0))
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(campaign__isnull=True), name="budget_one_for_the_workspace"
            ),
            models.CheckConstraint(condition=Q(reserved__gte=0), name="budget_reserved_not_negative"),
            models.CheckConstraint(condition=Q(limit__gte=0), name="budget_limit_not_negative"),
        ]

    def __str__(self) -> str:
        return f"Budget of {self.campaign or self.workspace}"

    @property
    def head_room(self) -> Decimal:
        """USD that may still be promised."""
        return self.limit - self.spent - self.reserved
