"""What the pages of this room read."""

from django.db.models import Count, Q, QuerySet

from campaigns.models import BrandKit, Membership, PromptRule, Workspace


def members_of(workspace: Workspace) -> QuerySet[Membership]:
    """Everybody in the house, by name."""
    return Membership.objects.filter(workspace=workspace).select_related("user").order_by("user__name", "user__email")


def brand_kits_of(workspace: Workspace) -> QuerySet[BrandKit]:
    """Brand kits by name, each with `rule_count` (accepted) and `campaign_count`."""
    return (
        BrandKit.objects.filter(workspace=workspace)
        .annotate(
            rule_count=Count("rules", filter=Q(rules__state=PromptRule.State.ACCEPTED), distinct=True),
            campaign_count=Count("campaigns", distinct=True),
        )
        .order_by("name")
    )
