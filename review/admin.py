"""The technical administration of this room: decisions are append-only, so it is to look, not to touch."""

from django.contrib import admin

from generation.admin import ReadOnlyAdmin
from review.models import (
    Annotation,
    Assignment,
    Comment,
    Export,
    ExportFile,
    Notice,
    RejectReason,
    ReviewLease,
    SavedView,
    ShareLink,
    SignOff,
    Standing,
    Verdict,
)


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    list_display = ("generation_id", "by", "decision", "filed_under", "standing", "at")
    list_filter = ("decision", "reason")
    list_select_related = ("by",)


@admin.register(RejectReason)
class RejectReasonAdmin(ReadOnlyAdmin):
    list_display = ("label", "workspace", "code", "position", "asks_note", "retired_at")
    list_select_related = ("workspace",)


@admin.register(Standing)
class StandingAdmin(ReadOnlyAdmin):
    list_display = ("generation_id", "campaign", "decision", "version", "decided_by", "decided_at")
    list_filter = ("decision",)
    list_select_related = ("campaign", "decided_by")


@admin.register(SignOff)
class SignOffAdmin(ReadOnlyAdmin):
    list_display = ("generation_id", "shot", "by", "sha256", "at", "withdrawn_at")
    list_select_related = ("shot", "by")


@admin.register(Annotation)
class AnnotationAdmin(ReadOnlyAdmin):
    list_display = ("id", "generation_id", "kind", "shape", "by", "created_at", "resolved_at", "deleted_at")
    list_select_related = ("by",)


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    list_display = ("generation_id", "by", "text", "at")
    list_select_related = ("by",)


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("campaign", "state", "destination", "requested_by", "created_at", "finished_at")
    list_filter = ("state",)
    list_select_related = ("campaign", "requested_by")


@admin.register(ExportFile)
class ExportFileAdmin(ReadOnlyAdmin):
    list_display = ("name", "role", "size", "state", "verified_at")
    list_filter = ("state", "role")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("user", "kind", "text", "created_at", "read_at")
    list_filter = ("kind",)
    list_select_related = ("user",)


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ("generation_id", "to", "by", "at")
    list_select_related = ("to", "by")


@admin.register(ReviewLease)
class ReviewLeaseAdmin(ReadOnlyAdmin):
    list_display = ("generation_id", "user", "until")
    list_select_related = ("user",)


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    list_display = ("name", "workspace", "user", "query", "made_by")
    list_select_related = ("workspace", "user", "made_by")


@admin.register(ShareLink)
class ShareLinkAdmin(admin.ModelAdmin):
    list_display = ("name", "campaign", "may_comment", "expires_at", "revoked_at")
    list_select_related = ("campaign",)
    readonly_fields = ("digest", "created_by", "created_at")
