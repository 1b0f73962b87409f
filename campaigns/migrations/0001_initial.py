from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import campaigns.models.campaign
import campaigns.models.money


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="BrandKit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("palette", models.JSONField(blank=True, default=list, help_text="Colours as #rrggbb.")),
                ("mood", models.JSONField(blank=True, default=list, help_text="Words such as calm, warm, precise.")),
                ("negatives", models.JSONField(blank=True, default=list, help_text="What never appears.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("email", models.EmailField(max_length=254, unique=True)),
                ("name", models.CharField(blank=True, max_length=120)),
                ("is_active", models.BooleanField(default=True)),
                (
                    "wants_email",
                    models.BooleanField(db_default=True, default=True, help_text="Notices reach them by mail as well."),
                ),
                ("is_staff", models.BooleanField(default=False, help_text="May open the technical administration.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=160)),
                ("ticket", models.CharField(blank=True, max_length=40)),
                ("brief", models.TextField(blank=True)),
                ("key_points", models.JSONField(blank=True, default=list)),
                ("mood", models.CharField(blank=True, max_length=240)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("brief", "Brief"),
                            ("posts", "posts.json"),
                            ("table", "CSV"),
                            ("command", "Command line"),
                            ("agent", "Agent"),
                        ],
                        default="brief",
                        max_length=10,
                    ),
                ),
                (
                    "bar",
                    models.DecimalField(
                        decimal_places=1,
                        default=Decimal("7.0"),
                        max_digits=3,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(10),
                        ],
                    ),
                ),
                (
                    "max_attempts",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(10),
                        ],
                    ),
                ),
                ("base_seed", models.PositiveBigIntegerField()),
                ("due_on", models.DateField(blank=True, null=True)),
                (
                    "requires_human_pick",
                    models.BooleanField(
                        default=False,
                        help_text="Brand-strict, sensitive or real people: nothing is promoted without a person.",
                    ),
                ),
                (
                    "independent_first_look",
                    models.BooleanField(
                        default=False,
                        help_text="Scores and colleagues' verdicts stay hidden until one's own verdict is in.",
                    ),
                ),
                (
                    "planning",
                    models.CharField(
                        choices=[("waiting", "Being read"), ("planned", "Planned"), ("failed", "Could not be planned")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("planning_note", models.TextField(blank=True)),
                (
                    "form_key",
                    models.UUIDField(
                        blank=True,
                        editable=False,
                        help_text="The filled-in form it came from: sent twice, it is one campaign.",
                        null=True,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "brand_kit",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="campaigns",
                        to="campaigns.brandkit",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("reviewer", "Reviewer"), ("approver", "Approver"), ("admin", "Admin")],
                        default="reviewer",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PromptRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(max_length=240)),
                (
                    "state",
                    models.CharField(
                        choices=[("proposed", "Proposed"), ("accepted", "Accepted"), ("declined", "Declined")],
                        default="accepted",
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=240)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "brand_kit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rules", to="campaigns.brandkit"
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Reference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("product", "Product"), ("style", "Style")], default="product", max_length=8
                    ),
                ),
                ("name", models.CharField(max_length=160)),
                ("image", models.FileField(max_length=200, upload_to=campaigns.models.campaign.reference_path)),
                ("media_type", models.CharField(max_length=20)),
                ("sha256", models.CharField(max_length=64)),
                ("width", models.PositiveIntegerField()),
                ("height", models.PositiveIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="references", to="campaigns.campaign"
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                (
                    "session_key",
                    models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key"),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Shot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=80)),
                ("title", models.CharField(max_length=160)),
                ("description", models.TextField(blank=True)),
                ("mood", models.CharField(blank=True, max_length=240)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("hero", "Hero"),
                            ("lifestyle", "Lifestyle"),
                            ("detail", "Detail"),
                            ("social", "Social"),
                            ("illustration", "Illustration"),
                            ("draft", "Draft"),
                            ("other", "Other"),
                        ],
                        default="other",
                        max_length=14,
                    ),
                ),
                ("position", models.PositiveIntegerField(default=0)),
                (
                    "width",
                    models.PositiveIntegerField(
                        default=1024,
                        validators=[
                            django.core.validators.MinValueValidator(64),
                            django.core.validators.MaxValueValidator(4096),
                        ],
                    ),
                ),
                (
                    "height",
                    models.PositiveIntegerField(
                        default=1024,
                        validators=[
                            django.core.validators.MinValueValidator(64),
                            django.core.validators.MaxValueValidator(4096),
                        ],
                    ),
                ),
                ("wants_text", models.BooleanField(default=False, help_text="Legible words belong into the picture.")),
                ("prompt", models.TextField(blank=True)),
                ("negative_prompt", models.TextField(blank=True)),
                ("palette", models.JSONField(blank=True, default=list)),
                ("model", models.CharField(blank=True, max_length=120)),
                ("model_reason", models.CharField(blank=True, max_length=300)),
                ("model_overridden", models.BooleanField(default=False)),
                ("removed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="shots", to="campaigns.campaign"
                    ),
                ),
            ],
            options={
                "ordering": ["position", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Workspace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
                ("slug", models.SlugField(max_length=60, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "members",
                    models.ManyToManyField(
                        related_name="workspaces", through="campaigns.Membership", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="membership",
            name="workspace",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="campaigns.workspace"
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="workspace",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="campaigns", to="campaigns.workspace"
            ),
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("limit", campaigns.models.money.UsdField()),
                ("spent", campaigns.models.money.UsdField(default=Decimal("0"))),
                ("reserved", campaigns.models.money.UsdField(default=Decimal("0"))),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "campaign",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="budget",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="budgets", to="campaigns.workspace"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="brandkit",
            name="workspace",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="brand_kits", to="campaigns.workspace"
            ),
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=80)),
                ("prefix", models.CharField(max_length=12)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("scopes", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tokens", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tokens", to="campaigns.workspace"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"), name="user_email_unique_without_case"
            ),
        ),
        migrations.AddConstraint(
            model_name="promptrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by__isnull", True)),
                    models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                    _connector="OR",
                ),
                name="prompt_rule_decided_who_and_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="reference",
            constraint=models.UniqueConstraint(fields=("campaign", "role", "sha256"), name="reference_once"),
        ),
        migrations.AddIndex(
            model_name="shot",
            index=models.Index(
                condition=models.Q(("removed_at__isnull", True)),
                fields=["campaign", "position", "id"],
                name="shot_order",
            ),
        ),
        migrations.AddIndex(
            model_name="shot",
            index=models.Index(
                condition=models.Q(("removed_at__isnull", False)),
                fields=["campaign", "removed_at"],
                name="shot_removed",
            ),
        ),
        migrations.AddConstraint(
            model_name="shot",
            constraint=models.UniqueConstraint(fields=("campaign", "slug"), name="shot_slug_once"),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(fields=("workspace", "user"), name="membership_once"),
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(fields=["workspace", "-created_at"], name="campaign_recent"),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("bar__gte", 1), ("bar__lte", 10)), name="campaign_bar_in_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_attempts__gte", 1), ("max_attempts__lte", 10)),
                name="campaign_attempts_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.UniqueConstraint(fields=("workspace", "form_key"), name="campaign_once_per_form"),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.UniqueConstraint(
                condition=models.Q(("campaign__isnull", True)),
                fields=("workspace",),
                name="budget_one_for_the_workspace",
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("reserved__gte", 0)), name="budget_reserved_not_negative"
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(condition=models.Q(("limit__gte", 0)), name="budget_limit_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="brandkit",
            constraint=models.UniqueConstraint(fields=("workspace", "name"), name="brand_kit_name_once"),
        ),
    ]
