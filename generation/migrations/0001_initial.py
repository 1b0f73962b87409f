from decimal import Decimal

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import campaigns.models.money
import generation.models.generation
import generation.rules.states


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("campaigns", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("claimed_by", models.CharField(blank=True, max_length=80)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("token", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Throttle",
            fields=[
                ("account", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("per_minute", models.FloatField()),
                ("next_at", models.DateTimeField()),
                ("paused_until", models.DateTimeField(blank=True, null=True)),
                ("note", models.CharField(blank=True, max_length=240)),
            ],
        ),
        migrations.CreateModel(
            name="Generation",
            fields=[
                ("claimed_by", models.CharField(blank=True, max_length=80)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, help_text="When the next step may begin.", null=True)),
                (
                    "tries",
                    models.PositiveSmallIntegerField(
                        db_default=0, default=0, help_text="How often the present step was begun."
                    ),
                ),
                (
                    "id",
                    models.CharField(
                        default=generation.models.generation.new_generation_id,
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("create", "Create"),
                            ("retry", "Retry"),
                            ("refine", "Refine"),
                            ("inpaint", "Inpaint"),
                            ("variation", "Variation"),
                            ("upscale", "Upscale"),
                        ],
                        default=generation.rules.states.Purpose["CREATE"],
                        max_length=10,
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField(default=1)),
                (
                    "version",
                    models.PositiveIntegerField(default=1, help_text="Place in the stack of the shot, from 1."),
                ),
                ("key", models.CharField(max_length=120, unique=True)),
                ("ticket", models.CharField(blank=True, max_length=40)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("provider", models.CharField(max_length=20)),
                ("model", models.CharField(max_length=120)),
                ("prompt", models.TextField()),
                ("negative_prompt", models.TextField(blank=True)),
                ("seed", models.PositiveBigIntegerField(blank=True, null=True)),
                ("width", models.PositiveIntegerField()),
                ("height", models.PositiveIntegerField()),
                ("guidance", models.FloatField(blank=True, null=True)),
                ("steps", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("parameters", models.JSONField(blank=True, default=dict)),
                (
                    "references",
                    models.JSONField(blank=True, default=list, help_text="Ids of the references sent along."),
                ),
                ("mask", models.FileField(blank=True, max_length=200, upload_to="masks/")),
                (
                    "direction",
                    models.CharField(blank=True, help_text="The corrective instruction of a retry.", max_length=400),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("submitting", "Submitting"),
                            ("in_doubt", "In doubt"),
                            ("rendering", "Rendering"),
                            ("fetching", "Fetching"),
                            ("scoring", "Scoring"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                            ("refused", "Refused"),
                            ("cancelled", "Cancelled"),
                        ],
                        default=generation.rules.states.GenerationState["QUEUED"],
                        max_length=10,
                    ),
                ),
                ("error_kind", models.CharField(blank=True, max_length=40)),
                ("error_text", models.TextField(blank=True)),
                ("external_id", models.CharField(blank=True, max_length=120)),
                (
                    "earlier_ids",
                    models.JSONField(
                        blank=True, default=list, help_text="The provider's ids of sendings that came to nothing."
                    ),
                ),
                ("provider_url", models.TextField(blank=True)),
                (
                    "polls",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Times the provider was asked how it stands."
                    ),
                ),
                (
                    "cancel_asked",
                    models.BooleanField(default=False, help_text="A person asked to stop it at the provider."),
                ),
                ("estimated_seconds", models.FloatField(default=0)),
                ("followed_up", models.BooleanField(default=False, help_text="The ladder has said what comes next.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("submitted_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("image", models.FileField(blank=True, max_length=200, upload_to="generations/")),
                ("media_type", models.CharField(blank=True, max_length=20)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("image_width", models.PositiveIntegerField(blank=True, null=True)),
                ("image_height", models.PositiveIntegerField(blank=True, null=True)),
                ("image_bytes", models.PositiveIntegerField(blank=True, null=True)),
                ("renditions", models.JSONField(blank=True, default=dict, help_text="Path by width.")),
                ("thumbhash", models.CharField(blank=True, max_length=60)),
                ("metrics", models.JSONField(blank=True, default=dict)),
                ("average", models.DecimalField(blank=True, decimal_places=2, max_digits=4, null=True)),
                ("weakest", models.CharField(blank=True, max_length=20)),
                ("passed", models.BooleanField(blank=True, null=True)),
                ("escalated", models.BooleanField(default=False, help_text="The machines gave up: a person decides.")),
                ("decision", models.CharField(blank=True, db_default="", default="", max_length=10)),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="generations",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="generation.generation",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "shot",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="generations",
                        to="campaigns.shot",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="generations",
                        to="campaigns.workspace",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GenerationEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("origin", models.CharField(max_length=10)),
                ("to", models.CharField(max_length=10)),
                ("note", models.TextField(blank=True)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "generation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="generation.generation",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=160, unique=True)),
                ("amount", campaigns.models.money.UsdField()),
                ("unit", models.CharField(max_length=40)),
                ("quantity", models.DecimalField(decimal_places=6, default=Decimal("1"), max_digits=16)),
                ("unit_price", models.DecimalField(decimal_places=12, max_digits=18)),
                ("provider", models.CharField(max_length=20)),
                ("model", models.CharField(max_length=120)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("prompt", "Prompts"),
                            ("render", "Renders"),
                            ("score", "Scoring"),
                            ("revise", "Revisions"),
                            ("upscale", "Upscaling"),
                        ],
                        max_length=8,
                    ),
                ),
                ("ticket", models.CharField(blank=True, max_length=40)),
                ("note", models.CharField(blank=True, max_length=240)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "generation",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger",
                        to="generation.generation",
                    ),
                ),
                (
                    "shot",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger",
                        to="campaigns.shot",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger",
                        to="campaigns.workspace",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ModelCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=20)),
                ("model", models.CharField(max_length=120)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("prompt", "Prompts"),
                            ("render", "Renders"),
                            ("score", "Scoring"),
                            ("revise", "Revisions"),
                            ("upscale", "Upscaling"),
                        ],
                        max_length=8,
                    ),
                ),
                ("at_most", models.JSONField(help_text="Units that it can have consumed.")),
                (
                    "held",
                    campaigns.models.money.UsdField(
                        default=Decimal("0"), help_text="What it is expected to cost, held in the budgets meanwhile."
                    ),
                ),
                (
                    "batch",
                    models.CharField(
                        blank=True, help_text="The provider's id, where many were asked at once.", max_length=120
                    ),
                ),
                ("asked_at", models.DateTimeField(auto_now_add=True)),
                (
                    "alive_until",
                    models.DateTimeField(help_text="Later than this nobody waits for the answer any more."),
                ),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "counted",
                    models.BooleanField(default=False, help_text="Booked with the most: nobody learned what it cost."),
                ),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "generation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="generation.generation",
                    ),
                ),
                (
                    "shot",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.shot",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="model_calls",
                        to="campaigns.workspace",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Price",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=20)),
                ("model", models.CharField(max_length=120)),
                ("unit", models.CharField(max_length=40)),
                ("amount", models.DecimalField(decimal_places=12, max_digits=18)),
                ("valid_from", models.DateTimeField()),
                ("source", models.CharField(blank=True, max_length=120)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "model", "unit", "valid_from"), name="price_once_a_date"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Reservation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", campaigns.models.money.UsdField(help_text="What was promised.")),
                ("remaining", campaigns.models.money.UsdField(help_text="What of it is not yet charged.")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("settled", "Settled"), ("released", "Released")],
                        default="open",
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "generation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reservation",
                        to="generation.generation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Score",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("critic", models.CharField(max_length=80)),
                ("dimensions", models.JSONField(help_text='{"composition": {"score": 7.5, "reason": "…"}, …}')),
                ("average", models.DecimalField(decimal_places=2, max_digits=4)),
                ("bar", models.DecimalField(decimal_places=1, max_digits=3)),
                ("passed", models.BooleanField()),
                ("weakest", models.CharField(max_length=20)),
                ("reason", models.TextField(blank=True, help_text="The critic's reason for the weakest dimension.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scores", to="generation.generation"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=20)),
                ("delivery_id", models.CharField(max_length=120)),
                ("body", models.JSONField()),
                ("received_at", models.DateTimeField(auto_now_add=True)),
                ("handled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "generation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="generation.generation",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(fields=["campaign", "-id"], name="generation_sheet"),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(fields=["campaign", "average", "id"], name="sheet_best_all"),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(condition=models.Q(("state", "ready")), fields=["campaign", "id"], name="sheet_newest"),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready")),
                fields=["campaign", "decision", "id"],
                name="sheet_newest_decision",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready")),
                fields=["campaign", "decision", "average", "id"],
                name="sheet_best_decision",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready")),
                fields=["campaign", "weakest", "id"],
                name="sheet_newest_weakest",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready")),
                fields=["campaign", "weakest", "average", "id"],
                name="sheet_best_weakest",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready")), fields=["campaign", "model", "id"], name="sheet_newest_model"
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready")),
                fields=["campaign", "model", "average", "id"],
                name="sheet_best_model",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready"), ("passed", False)),
                fields=["campaign", "id"],
                name="sheet_newest_below",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready"), ("passed", False)),
                fields=["campaign", "average", "id"],
                name="sheet_best_below",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready"), ("escalated", True)),
                fields=["campaign", "id"],
                name="sheet_newest_flagged",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready"), ("escalated", True)),
                fields=["campaign", "average", "id"],
                name="sheet_best_flagged",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state", "ready")), fields=["campaign", "completed_at"], name="sheet_arrivals"
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ["fetching", "in_doubt", "queued", "rendering", "scoring", "submitting"])
                ),
                fields=["campaign", "id"],
                name="sheet_working",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("state__in", ["cancelled", "failed", "refused"])),
                fields=["campaign", "id"],
                name="sheet_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("decision", ""), ("escalated", True)),
                fields=["workspace", "id"],
                name="generation_escalated",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(
                    ("decision", ""),
                    ("state", "ready"),
                    models.Q(("passed__isnull", True), ("passed", True), ("escalated", True), _connector="OR"),
                ),
                fields=["workspace", "campaign", "shot", "id"],
                name="generation_to_review",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(fields=["workspace", "-id"], name="generation_recent"),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("parent__isnull", False)), fields=["parent"], name="generation_children"
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(
                    ("state__in", ["fetching", "in_doubt", "queued", "rendering", "scoring", "submitting"])
                ),
                fields=["state", "due_at"],
                name="generation_unfinished",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=models.Q(("followed_up", False), ("state__in", ["failed", "ready", "refused"])),
                fields=["state"],
                name="generation_not_followed_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="generation",
            constraint=models.UniqueConstraint(fields=("shot", "version"), name="generation_version_once"),
        ),
        migrations.AddConstraint(
            model_name="generation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", ""), _negated=True),
                fields=("provider", "external_id"),
                name="generation_external_id_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="generation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", generation.rules.states.GenerationState["READY"]), _negated=True),
                    models.Q(("sha256", ""), _negated=True),
                    _connector="OR",
                ),
                name="generation_ready_has_a_file",
            ),
        ),
        migrations.AddIndex(
            model_name="generationevent",
            index=models.Index(fields=["generation"], name="event_of_generation"),
        ),
        migrations.AddIndex(
            model_name="generationevent",
            index=models.Index(condition=models.Q(("by__isnull", False)), fields=["by"], name="event_by_a_person"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["workspace", "at"], name="ledger_by_time"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["campaign", "at"], name="ledger_by_campaign"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["generation"], name="ledger_by_generation"),
        ),
        migrations.AddIndex(
            model_name="modelcall",
            index=models.Index(
                condition=models.Q(("settled_at__isnull", True)), fields=["alive_until"], name="model_call_open"
            ),
        ),
        migrations.AddIndex(
            model_name="modelcall",
            index=models.Index(
                condition=models.Q(("batch", ""), _negated=True), fields=["batch"], name="model_call_batch"
            ),
        ),
        migrations.AddConstraint(
            model_name="reservation",
            constraint=models.CheckConstraint(
                condition=models.Q(("remaining__gte", 0)), name="reservation_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="reservation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("state", "open")),
                    models.Q(models.Q(("state", "open"), _negated=True), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="reservation_ended_when",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("handled_at__isnull", True)), fields=["id"], name="delivery_unhandled"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(fields=("provider", "delivery_id"), name="delivery_once"),
        ),
    ]
