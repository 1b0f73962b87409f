"""The technical administration of this room. People use the settings page."""

from django.contrib import admin

from campaigns.models import (
    ApiToken,
    BrandKit,
    Budget,
    Campaign,
    Membership,
    PromptRule,
    Reference,
    Shot,
    User,
    Workspace,
)


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    list_display = ("email", "name", "is_active", "is_staff", "created_at")
    search_fields = ("email", "name")
    # the digest is no password: one is set with `manage.py changepassword`
    exclude = ("password",)
    filter_horizontal = ("groups", "user_permissions")


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ("user", "workspace", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "workspace")
    autocomplete_fields = ("user", "workspace")


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    list_display = ("name", "prefix", "workspace", "user", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("workspace", "user")
    readonly_fields = ("prefix", "digest", "created_at", "last_used_at")


@admin.register(BrandKit)
class BrandKitAdmin(admin.ModelAdmin):
    list_display = ("name", "workspace", "updated_at")
    list_select_related = ("workspace",)


@admin.register(PromptRule)
class PromptRuleAdmin(admin.ModelAdmin):
    list_display = ("text", "brand_kit", "state", "decided_by", "decided_at")
    list_filter = ("state",)
    list_select_related = ("brand_kit", "decided_by")


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):
    list_display = ("title", "ticket", "workspace", "planning", "created_at", "started_at")
    list_filter = ("planning",)
    list_select_related = ("workspace",)
    search_fields = ("title", "ticket")
    raw_id_fields = ("created_by", "brand_kit", "workspace")


@admin.register(Shot)
class ShotAdmin(admin.ModelAdmin):
    list_display = ("title", "campaign", "kind", "model", "removed_at")
    list_select_related = ("campaign",)
    search_fields = ("title", "slug")
    raw_id_fields = ("campaign",)
    show_full_result_count = False


@admin.register(Reference)
class ReferenceAdmin(admin.ModelAdmin):
    list_display = ("name", "campaign", "role", "media_type", "width", "height")
    list_select_related = ("campaign",)
    raw_id_fields = ("campaign", "created_by")
    readonly_fields = ("sha256", "width", "height", "media_type")


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
    """`spent` and `reserved` belong to the ledger alone."""

    list_display = ("__str__", "workspace", "limit", "spent", "reserved", "updated_at")
    list_select_related = ("workspace", "campaign")
    readonly_fields = ("workspace", "campaign", "limit", "spent", "reserved", "updated_at")
