"""A brief comes in."""

from functools import partial

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Campaign, Membership
from generation.engine.nudges import Nudge
from generation.forms import NewCampaignForm
from generation.planning.intake import open_campaign
from generation.tasks import send_nudge


@require_http_methods(["GET", "POST"])
@member_required()
def new_campaign(request: MemberRequest) -> HttpResponse:
    """The form; on success on to the plan."""
    workspace = request.membership.workspace
    if request.method == "GET":
        return render(request, "generation/new_campaign.html", {"form": NewCampaignForm(workspace=workspace)})
    form = NewCampaignForm(request.POST, request.FILES, workspace=workspace)
    if not form.is_valid():
        page = "generation/new_campaign.html" + ("#new-campaign" if request.htmx else "")
        return render(request, page, {"form": form, "files_chosen": bool(request.FILES)}, status=422)
    campaign = _open(form, membership=request.membership)
    for notice in form.notices:
        messages.warning(request, notice)
    address = reverse("plan", args=[campaign.pk])
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


@transaction.atomic
def _open(form: NewCampaignForm, *, membership: Membership) -> Campaign:
    facts = dict(form.cleaned_data)
    facts.pop("upload")
    campaign = open_campaign(
        workspace=membership.workspace,
        by=membership.user,
        key=facts.pop("form_key"),
        shots=form.shots,
        source=form.source,
        **facts,
    )
    transaction.on_commit(partial(send_nudge, Nudge("plan", campaign.pk)))
    return campaign
