"""Brand kits: the colours, words and rules of a brand."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import queries
from campaigns.accounts.access import brand_kit_for
from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.forms import BrandKitForm
from campaigns.models import BrandKit, Role


@require_GET
@member_required(Role.ADMIN)
def brand_kits(request: MemberRequest) -> HttpResponse:
    """All brand kits of the house."""
    return render(request, "campaigns/brand_kits.html", {"kits": queries.brand_kits_of(request.membership.workspace)})


@require_http_methods(["GET", "POST"])
@member_required(Role.ADMIN)
def new_brand_kit(request: MemberRequest) -> HttpResponse:
    """A new one."""
    return _edit(request, BrandKit(workspace=request.membership.workspace))


@require_http_methods(["GET", "POST"])
@member_required(Role.ADMIN)
def edit_brand_kit(request: MemberRequest, pk: int) -> HttpResponse:
    """Change one; renders that exist keep what they were asked."""
    return _edit(request, brand_kit_for(request.membership, pk))


def _edit(request: MemberRequest, kit: BrandKit) -> HttpResponse:
    form = BrandKitForm(request.POST or None, instance=kit, by=request.membership.user)
    if request.method == "POST" and form.is_valid():
        messages.success(request, f"{form.save().name} is saved.")
        return redirect("brand-kits")
    is_bad = request.method == "POST"
    return render(request, "campaigns/brand_kit.html", {"form": form, "kit": kit}, status=422 if is_bad else 200)
