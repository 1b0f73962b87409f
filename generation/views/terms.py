"""Ticket, date and budget that stand in a brief: proposed on the plan, taken over by a person."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from campaigns import services as campaigns
from campaigns.accounts.access import campaign_for
from campaigns.accounts.requests import MemberRequest, member_required
from generation.forms import TermsForm
from generation.money import ledger


@require_POST
@member_required()
def take_terms(request: MemberRequest, pk: int) -> HttpResponse:
    """Keep what was confirmed; what was emptied is left as it is."""
    campaign = campaign_for(request.membership, pk)
    form = TermsForm(request.POST, prefix="terms")
    if not form.is_valid():
        said = [f"{form[name].label}: {problem}" for name, problems in form.errors.items() for problem in problems]
        messages.warning(request, " ".join(["Nothing was taken over.", *said]))
        return redirect("plan", pk)
    with transaction.atomic():
        campaigns.take_terms(campaign=campaign, ticket=form.cleaned_data["ticket"], due_on=form.cleaned_data["due_on"])
        if form.cleaned_data["budget"] is not None:
            ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=form.cleaned_data["budget"])
    messages.success(request, "Taken over from the brief.")
    return redirect("plan", pk)
