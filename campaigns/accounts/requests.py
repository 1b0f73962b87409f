"""Who sends a request: the person, their membership, and what a view asks of them.

`request.membership` is the membership in the workspace that the person works in now, or None for somebody who has
none.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject
from django_htmx.middleware import HtmxDetails

from campaigns.models import Membership, Role, User

SESSION_KEY = "workspace"


class MemberRequest(HttpRequest):
    """A request that passed `member_required`: it has a person, signed in, and a membership."""

    membership: Membership
    user: User
    htmx: HtmxDetails


def person_of(request: HttpRequest) -> User | AnonymousUser:
    """Who is signed in: the person that came along with the session, verified as Django does.

    Whatever is unusual (another key, a password that was changed, a session of somebody else) is left to Django.
    """
    session = request.session
    user: User | None = getattr(session, "person", None) if session.get(USER_KEY) else None
    if (
        user is not None
        and user.is_active
        and session[USER_KEY] == str(user.pk)
        and session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    ):
        return user
    return auth.get_user(request)


class PersonMiddleware(AuthenticationMiddleware):
    """Django's `request.user`, without a query of its own."""

    def process_request(self, request: HttpRequest) -> None:
        """Sets `request.user`, lazily."""
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: person_of(request))  # type: ignore[assignment]


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership chosen in the session, else the oldest one."""
    if not request.user.is_authenticated:
        return None
    memberships: list[Membership]
    person = getattr(request.session, "person", None)
    if person is not None and person.pk == request.user.pk:
        memberships = request.session.memberships  # type: ignore[attr-defined]
    else:
        memberships = list(
            Membership.objects.select_related("workspace", "user")
            .filter(user=request.user)
            .order_by("created_at", "pk")
        )
    request.memberships = memberships  # type: ignore[attr-defined]  # for the switcher, without a second query
    chosen = request.session.get(SESSION_KEY)
    for membership in memberships:
        if membership.workspace_id == chosen:
            return membership
    return memberships[0] if memberships else None


class WorkspaceMiddleware:
    """Gives every request its lazily fetched `membership`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.membership = SimpleLazyObject(lambda: current_membership(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def member_required(role: str = Role.REVIEWER) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Only members whose role reaches `role`; strangers go to the sign-in page."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return send_to_sign_in(request)
            if not request.membership:
                raise PermissionDenied("You are not a member of any workspace yet. Ask an admin to add you.")
            if not request.membership.reaches(role):
                raise PermissionDenied(
                    f"This page is for {Role(role).label.lower()}s of {request.membership.workspace}."
                )
            return view(request, *args, **kwargs)

        guarded.required_role = role  # type: ignore[attr-defined]
        return guarded

    return decorate


def send_to_sign_in(request: HttpRequest) -> HttpResponse:
    """A page is redirected; a fragment is told by 401, so that nothing typed is lost by a swap."""
    if getattr(request, "htmx", False) or request.headers.get("Accept", "").startswith("application/json"):
        return HttpResponse("Your sign-in has expired. What you typed is kept: sign in and send it again.", status=401)
    return redirect_to_login(request.get_full_path())
