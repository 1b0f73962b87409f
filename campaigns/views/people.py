"""Sign in, change the house, see who is in it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import queries
from campaigns.accounts.demo_sign_ins import DEMO_SIGN_INS
from campaigns.accounts.membership import LastAdmin, change_role
from campaigns.accounts.requests import SESSION_KEY, MemberRequest, member_required
from campaigns.forms import RoleForm, YouForm
from campaigns.models import Membership, Role, User


class SignInView(LoginView):
    """The door. Whoever is inside already goes on to the inbox."""

    template_name = "campaigns/sign_in.html"
    redirect_authenticated_user = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context = super().get_context_data(**context)
        if settings.LOUPE_DEMO:
            known = set(
                User.objects.filter(email__in=[account.email for account in DEMO_SIGN_INS]).values_list(
                    "email", flat=True
                )
            )
            context["demo_accounts"] = [account for account in DEMO_SIGN_INS if account.email in known]
        return context


@require_POST
@member_required()
def switch_workspace(request: MemberRequest) -> HttpResponse:
    """Work in another house from now on; one that the person is no member of does not exist."""
    wanted = request.POST.get("workspace", "")
    if not wanted.isdecimal() or len(wanted) > 18:
        raise Http404
    membership = get_object_or_404(Membership, user=request.user, workspace_id=int(wanted))
    request.session[SESSION_KEY] = membership.workspace_id
    return redirect(_safe_next(request))


def _safe_next(request: HttpRequest) -> str:
    """Where the form asks to go on, if that is in this house; else the inbox."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return "inbox"


@require_http_methods(["GET", "POST"])
@member_required()
def you(request: MemberRequest) -> HttpResponse:
    """What a person settles for themselves."""
    form = YouForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("you")
    return render(request, "campaigns/you.html", {"form": form}, status=422 if request.method == "POST" else 200)


@require_GET
@member_required(Role.ADMIN)
def members(request: MemberRequest) -> HttpResponse:
    """Who is in the house, and as what."""
    found = queries.members_of(request.membership.workspace)
    return render(request, "campaigns/members.html", {"members": found, "roles": Role.choices})


@require_POST
@member_required(Role.ADMIN)
def change_member_role(request: MemberRequest, pk: int) -> HttpResponse:
    """Give a member another role."""
    member = get_object_or_404(Membership.objects.select_related("user", "workspace"), pk=pk)
    if member.workspace_id != request.membership.workspace_id:
        raise Http404
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "There is no such role. Nothing was changed.")
        return redirect("members")
    try:
        change_role(membership=member, role=form.cleaned_data["role"])
    except LastAdmin as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{member.user} is {member.get_role_display().lower()} now.")
    return redirect("members")
