"""What every page shows around its content."""

from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from campaigns.models import Membership, Role
from review.queries.navigation import MANY, Waiting, read_around

# Room: its address, its name, who may enter.
ROOMS = (
    ("inbox", "Inbox", Role.REVIEWER),
    ("campaigns", "Campaigns", Role.REVIEWER),
    ("signoffs", "Sign-off", Role.APPROVER),
    ("exports", "Exports", Role.REVIEWER),
    ("costs", "Costs", Role.ADMIN),
    ("settings", "Settings", Role.ADMIN),
)
# Pages that stand inside a room without carrying its name.
INSIDE = {
    "new-campaign": "campaigns",
    "campaign": "campaigns",
    "plan": "campaigns",
    "sheet": "campaigns",
    "sheet-filters": "campaigns",
    "saved-views": "campaigns",
    "saved-view": "campaigns",
    "queue": "campaigns",
    "house-queue": "inbox",
    "loupe": "campaigns",
    "revise": "campaigns",
    "sign-off": "signoffs",
    "export": "exports",
    "members": "settings",
    "brand-kits": "settings",
    "new-brand-kit": "settings",
    "brand-kit": "settings",
    "reject-reasons": "settings",
    "reject-reason": "settings",
}
THEMES = ("light", "dark")
NOTHING: dict[str, Any] = {
    "banner": "",
    "workspace": None,
    "workspaces": (),
    "membership": None,
    "memberships": (),
    "nav": (),
    "theme": "system",
    # its name differs by installation; the script takes the newest token from it
    "csrf_cookie": settings.CSRF_COOKIE_NAME,
}


def house(request: HttpRequest) -> dict[str, Any]:
    """`house` for base.html, always with the keys of `NOTHING`; one query for a member, none for a stranger.

    A view that read `request.around` along with its own has spared that query. A page that cannot ask the database
    still has its frame: the error page is drawn with it.
    """
    theme = request.COOKIES.get("theme", "")
    around = {**NOTHING, "theme": theme if theme in THEMES else "system"}
    try:
        membership = getattr(request, "membership", None)
        if not membership or getattr(request, "htmx", False):
            return {"house": {**around, **_who(request, membership)}}
        found = getattr(request, "around", None) or read_around(membership)
        nav = navigation(request, membership, found.waiting)
        return {"house": {**around, **_who(request, membership), "banner": found.banner, "nav": nav}}
    except DatabaseError:
        return {"house": around}


def _who(request: HttpRequest, membership: Membership | None) -> dict[str, Any]:
    if not membership:
        return {}
    memberships = getattr(request, "memberships", [membership])
    workspaces = [each.workspace for each in memberships]
    return {
        "membership": membership,
        "workspace": membership.workspace,
        "memberships": memberships,
        # one is no choice
        "workspaces": workspaces if len(workspaces) > 1 else (),
    }


def navigation(request: HttpRequest, membership: Membership, waiting: Waiting) -> list[tuple[str, str, bool, str]]:
    """The rooms that this member may enter: address name, label, whether one is there, how much waits."""
    match = request.resolver_match
    name = match.url_name or "" if match else ""
    here = INSIDE.get(name, name)
    counts = {"inbox": waiting.all, "signoffs": waiting.finals}
    return [
        (room, label, room == here, _figure(counts.get(room, 0)))
        for room, label, role in ROOMS
        if membership.reaches(role) and _exists(room)
    ]


def _figure(waiting: int) -> str:
    return f"{MANY - 1}+" if waiting >= MANY else str(waiting or "")


def _exists(room: str) -> bool:
    try:
        reverse(room)
    except NoReverseMatch:
        return False
    return True
