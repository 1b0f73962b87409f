"""People, brands, campaigns."""

from campaigns.models.brand import BrandKit, PromptRule
from campaigns.models.campaign import Budget, Campaign, Reference, Shot
from campaigns.models.money import UsdField, round_usd
from campaigns.models.people import ApiToken, Membership, Role, User, Workspace
from campaigns.models.session import Session

__all__ = [
    "ApiToken",
    "BrandKit",
    "Budget",
    "Campaign",
    "Membership",
    "PromptRule",
    "Reference",
    "Role",
    "Session",
    "Shot",
    "UsdField",
    "User",
    "Workspace",
    "round_usd",
]
