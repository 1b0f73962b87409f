"""What left Loupe: exports, their files, and links for people without an account."""

from django.db import models

from campaigns.database.claims import ClaimableStep


class Export(ClaimableStep):
    """One delivery of a campaign's signed finals with its manifest."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Uploading"
        VERIFIED = "verified", "Verified"
        FAILED = "failed", "Failed"

    workspace = models.ForeignKey("campaigns.Workspace", on_delete=models.PROTECT, related_name="exports")
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="exports")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    destination = models.CharField(max_length=200, help_text="Bucket or folder, for people.")
    prefix = models.CharField(max_length=200)
    manifest_name = models.CharField(max_length=300, blank=True)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    problem = models.TextField(blank=True)
    requested_by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Export of {self.campaign}"


class ExportFile(models.Model):
    """One object of an export: uploaded once, read back, compared."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        UPLOADED = "uploaded", "Uploaded"
        VERIFIED = "verified", "Verified"
        FAILED = "failed", "Failed"

    export = models.ForeignKey("Export", on_delete=models.CASCADE, related_name="files")
    signoff = models.ForeignKey("SignOff", on_delete=models.PROTECT, related_name="export_files")
    role = models.CharField(max_length=20, help_text="original, sidecar or the channel of a rendition")
    name = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    problem = models.TextField(blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["export", "name"], name="export_file_once")]

    def __str__(self) -> str:
        return self.name


class ShareLink(models.Model):
    """A guest's door to one campaign: look and comment, until it expires."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="share_links")
    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=80)
    may_comment = models.BooleanField(default=True)
    created_by = models.ForeignKey("campaigns.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
