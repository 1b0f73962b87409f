"""One render of one shot, its life and its lineage."""

from collections.abc import Iterable

from django.db import models
from django.db.models import Q
from ulid import ULID

from campaigns.database.claims import ClaimableStep
from generation.rules.states import EDITS, OPEN, TERMINAL, WORKING, GenerationState, Purpose


def new_generation_id() -> str:
    """`gen_` and a ULID: sortable by time, safe in addresses."""
    return f"gen_{ULID()}"


def _sheet_indexes() -> list[models.Index]:
    """One range of one index for each filter of the contact sheet, by time and by score.

    They hold finished images only, so that the engine's steps before that do not pay for them.
    """
    ready = Q(state=GenerationState.READY.value)
    narrowed: dict[str, tuple[list[str], Q]] = {
        "": ([], ready),
        "_decision": (["decision"], ready),
        "_weakest": (["weakest"], ready),
        "_model": (["model"], ready),
        "_below": ([], ready & Q(passed=False)),
        "_flagged": ([], ready & Q(escalated=True)),
    }
    # by score alone serves what is not finished, too: there are no scores before that
    indexes = [models.Index(fields=["campaign", "average", "id"], name="sheet_best_all")]
    for name, (columns, condition) in narrowed.items():
        by_score = models.Index(
            fields=["campaign", *columns, "average", "id"], name=f"sheet_best{name}", condition=condition
        )
        newest = models.Index(fields=["campaign", *columns, "id"], name=f"sheet_newest{name}", condition=condition)
        indexes += [newest, by_score] if name else [newest]
    return [
        *indexes,
        models.Index(fields=["campaign", "completed_at"], name="sheet_arrivals", condition=ready),
        models.Index(fields=["campaign", "id"], name="sheet_working", condition=Q(state__in=_values(WORKING))),
        models.Index(
            fields=["campaign", "id"],
            name="sheet_failed",
            condition=Q(state__in=_values(TERMINAL - {GenerationState.READY})),
        ),
    ]


def _values(states: Iterable[str]) -> list[str]:
    return sorted(str(state) for state in states)


class Generation(ClaimableStep):
    """One render. `generation.lifecycle` alone writes `state`; what it cost is in the ledger (`ledger.cost_of`).

    Ticket and metadata are for the audit trail: they are never sent to a model.
    """

    STATES = [(state.value, state.value.replace("_", " ").capitalize()) for state in GenerationState]
    PURPOSES = [(purpose.value, purpose.value.capitalize()) for purpose in Purpose]

    id = models.CharField(primary_key=True, max_length=30, default=new_generation_id, editable=False)
    # each has an index below that begins with it: every step of a life writes a line into every index
    workspace = models.ForeignKey(
        "campaigns.Workspace", on_delete=models.CASCADE, related_name="generations", db_index=False
    )
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.CASCADE, related_name="generations", db_index=False
    )
    shot = models.ForeignKey("campaigns.Shot", on_delete=models.CASCADE, related_name="generations", db_index=False)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", db_index=False
    )
    purpose = models.CharField(max_length=10, choices=PURPOSES, default=Purpose.CREATE)
    attempt = models.PositiveSmallIntegerField(default=1)
    version = models.PositiveIntegerField(default=1, help_text="Place in the stack of the shot, from 1.")
    # What makes a start unique: a second start of the same attempt meets the constraint, not the provider.
    key = models.CharField(max_length=120, unique=True)
    ticket = models.CharField(max_length=40, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(
        "campaigns.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    # what was asked
    provider = models.CharField(max_length=20)
    model = models.CharField(max_length=120)
    prompt = models.TextField()
    negative_prompt = models.TextField(blank=True)
    seed = models.PositiveBigIntegerField(null=True, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    guidance = models.FloatField(null=True, blank=True)
    steps = models.PositiveSmallIntegerField(null=True, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    references = models.JSONField(default=list, blank=True, help_text="Ids of the references sent along.")
    mask = models.FileField(upload_to="masks/", max_length=200, blank=True)
    direction = models.CharField(max_length=400, blank=True, help_text="The corrective instruction of a retry.")

    # where it stands
    state = models.CharField(max_length=10, choices=STATES, default=GenerationState.QUEUED)
    error_kind = models.CharField(max_length=40, blank=True)
    error_text = models.TextField(blank=True)
    external_id = models.CharField(max_length=120, blank=True)
    earlier_ids = models.JSONField(
        default=list, blank=True, help_text="The provider's ids of sendings that came to nothing."
    )
    provider_url = models.TextField(blank=True)
    polls = models.PositiveSmallIntegerField(default=0, help_text="Times the provider was asked how it stands.")
    cancel_asked = models.BooleanField(default=False, help_text="A person asked to stop it at the provider.")
    estimated_seconds = models.FloatField(default=0)
    followed_up = models.BooleanField(default=False, help_text="The ladder has said what comes next.")
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    # what came back
    image = models.FileField(upload_to="generations/", max_length=200, blank=True)
    media_type = models.CharField(max_length=20, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    image_width = models.PositiveIntegerField(null=True, blank=True)
    image_height = models.PositiveIntegerField(null=True, blank=True)
    image_bytes = models.PositiveIntegerField(null=True, blank=True)
    renditions = models.JSONField(default=dict, blank=True, help_text="Path by width.")
    thumbhash = models.CharField(max_length=60, blank=True)
    metrics = models.JSONField(default=dict, blank=True)

    # the last score, copied from Score by engine.scoring and engine.rescoring so that a list can filter by it
    average = models.DecimalField(max_digits=4, decimal_places=2, null=True, blank=True)
    weakest = models.CharField(max_length=20, blank=True)
    passed = models.BooleanField(null=True, blank=True)
    escalated = models.BooleanField(default=False, help_text="The machines gave up: a person decides.")

    # what people decided, copied from review.Standing by review.services.decision_status; "" while open
    decision = models.CharField(max_length=10, blank=True, default="", db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "-id"], name="generation_sheet"),
            *_sheet_indexes(),
            models.Index(
                fields=["workspace", "id"], name="generation_escalated", condition=Q(escalated=True, decision="")
            ),
            # what waits for a decision (`review.queries.waiting.WORTH_A_LOOK`), of which there is little
            models.Index(
                fields=["workspace", "campaign", "shot", "id"],
                name="generation_to_review",
                condition=Q(state=GenerationState.READY.value, decision="")
                & (Q(passed__isnull=True) | Q(passed=True) | Q(escalated=True)),
            ),
            models.Index(fields=["workspace", "-id"], name="generation_recent"),
            models.Index(fields=["parent"], name="generation_children", condition=Q(parent__isnull=False)),
            models.Index(
                fields=["state", "due_at"],
                name="generation_unfinished",
                condition=Q(state__in=_values(OPEN)),
            ),
            models.Index(
                fields=["state"],
                name="generation_not_followed_up",
                condition=Q(followed_up=False, state__in=["failed", "ready", "refused"]),
            ),
        ]
        constraints = [
            # it serves the stack of a shot, too, read backwards
            models.UniqueConstraint(fields=["shot", "version"], name="generation_version_once"),
            models.UniqueConstraint(
                fields=["provider", "external_id"],
                condition=~Q(external_id=""),
                name="generation_external_id_once",
            ),
            models.CheckConstraint(
                condition=~Q(state=GenerationState.READY) | ~Q(sha256=""), name="generation_ready_has_a_file"
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def edit(self) -> "Generation | None":
        """The edit that this is, or whose variation it is; None where it is made from words alone."""
        row: Generation | None = self
        while row is not None and row.purpose == Purpose.VARIATION:
            row = row.parent
        return row if row is not None and row.purpose in EDITS else None

    @property
    def source(self) -> "Generation | None":
        """The image that an edit changes: the nearest before it that exists, for one that was refused has none."""
        row = self.parent
        while row is not None and not row.sha256:
            row = row.parent
        return row

    @property
    def is_over(self) -> bool:
        """No machine will touch it any more."""
        return GenerationState(self.state) in TERMINAL

    @property
    def image_size(self) -> tuple[int, int]:
        """Width and height of the image in pixels, or of what was asked while there is none."""
        return self.image_width or self.width, self.image_height or self.height

    @property
    def aspect(self) -> float:
        """Width by height."""
        width, height = self.image_size
        return width / height


class GenerationEvent(models.Model):
    """One step of a generation's life. Append-only; written with the step itself."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="events", db_index=False)
    origin = models.CharField(max_length=10)
    to = models.CharField(max_length=10)
    note = models.TextField(blank=True)
    by = models.ForeignKey(
        "campaigns.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["generation"], name="event_of_generation"),
            models.Index(fields=["by"], name="event_by_a_person", condition=Q(by__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.generation_id}: {self.origin} to {self.to}"


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
