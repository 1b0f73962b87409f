"""The plan of a campaign: shots as cards, the price, one button that starts."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh, trigger_client_event

from campaigns import services as campaigns
from campaigns.accounts.access import campaign_for, shot_for
from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.briefs import find_terms
from campaigns.models import Budget, Campaign, Reference, Shot
from generation import queries
from generation.engine.heartbeats import silence_banner
from generation.engine.nudges import Nudge
from generation.forms import BudgetForm, NewShotForm, ReferencesForm, ShotForm, TermsForm
from generation.money import ledger
from generation.planning import runs, shot_plan
from generation.planning.estimates import estimate_start
from generation.planning.references import keep_reference
from generation.tasks import send_nudge

PAGE = "generation/plan.html"


@require_GET
@member_required()
def plan(request: MemberRequest, pk: int) -> HttpResponse:
    """The page; while the brief is being read, its polled part; on request the next cards."""
    campaign = campaign_for(request.membership, pk)
    if campaign.planning != Campaign.Planning.PLANNED:
        part = "#planning" if request.htmx else ""
        return render(request, PAGE + part, _reading(campaign))
    after = request.GET.get("after", "")
    if request.htmx and not after:
        return HttpResponseClientRefresh()  # the reading is over
    if request.htmx:
        page = queries.cards_page(campaign, after=after)
        return render(request, PAGE + "#more-cards", {"campaign": campaign, "page": page})
    return render(request, PAGE, _whole(campaign, after=after))


def _reading(campaign: Campaign) -> dict[str, Any]:
    return {"campaign": campaign, "progress": queries.plan_progress(campaign), "silence": silence_banner()}


def _whole(campaign: Campaign, **more: Any) -> dict[str, Any]:
    after = more.pop("after", "")
    return {
        "campaign": campaign,
        "page": queries.cards_page(campaign, after=after),
        "estimate": estimate_start(campaign),
        "references": queries.references_of(campaign),
        "new_shot": NewShotForm(prefix="new"),
        "references_form": ReferencesForm(),
        "budget_form": BudgetForm(),
        "terms_form": _proposed_terms(campaign),
        "problem": "",
        **more,
    }


def _proposed_terms(campaign: Campaign) -> TermsForm | None:
    """What the brief says and the campaign does not have yet; None where there is nothing to propose."""
    if campaign.started_at:
        return None
    terms = find_terms(campaign.brief, today=timezone.localdate())
    found: dict[str, Any] = {}
    if terms.ticket and not campaign.ticket:
        found["ticket"] = terms.ticket
    if terms.due_on and not campaign.due_on:
        found["due_on"] = terms.due_on.isoformat()
    if terms.budget is not None and not Budget.objects.filter(campaign=campaign).exists():
        found["budget"] = terms.budget
    form = TermsForm(initial=found, prefix="terms")
    form.keep_only(found)
    return form if found else None


@require_POST
@member_required()
def plan_again(request: MemberRequest, pk: int) -> HttpResponse:
    """Read the brief once more, or go on by hand."""
    campaign = campaign_for(request.membership, pk)
    if request.POST.get("by_hand") and campaign.planning == Campaign.Planning.FAILED:
        campaigns.finish_planning(campaign=campaign)
    elif campaigns.plan_again(campaign):
        transaction.on_commit(partial(send_nudge, Nudge("plan", campaign.pk)))
    return redirect("plan", pk)


@require_POST
@member_required()
def edit_shot(request: MemberRequest, pk: int, shot_pk: int) -> HttpResponse:
    """Save one card; `action` may also ask to rewrite its prompt or to remove it."""
    shot = _planned_shot(request, pk, shot_pk)
    if request.POST.get("action") == "remove":
        return _remove(request, shot)
    form = ShotForm(request.POST, instance=shot, prefix=f"shot-{shot.pk}")
    if not form.is_valid():
        return _refuse_card(request, shot, form)
    shot = _planned_shot(request, pk, shot_pk)  # the form has written on the other one
    problem = _keep_card(request, shot, form)
    card = queries.card_of(shot, problem=problem)
    if not request.htmx:
        messages.add_message(
            request, messages.WARNING if problem else messages.SUCCESS, problem or f"{shot.title} is saved."
        )
        return redirect(f"{reverse('plan', args=[pk])}#shot-{shot.pk}")
    part = "#card-whole" if request.POST.get("action") == "rewrite" else "#card-saved"
    return render(request, PAGE + part, {**_panel(shot.campaign), "card": card})


def _planned_shot(request: MemberRequest, pk: int, shot_pk: int) -> Shot:
    shot = shot_for(request.membership, shot_pk)
    return get_object_or_404(Shot.objects.select_related("campaign__workspace"), pk=shot.pk, campaign_id=pk)


def _keep_card(request: MemberRequest, shot: Shot, form: ShotForm) -> str:
    """Save it; the words of the problem where a new prompt was asked for and could not be had."""
    shot_plan.change_shot(shot=shot, by_name=str(request.user), **form.changes())
    if request.POST.get("action") == "rewrite":
        try:
            shot_plan.rewrite_prompt(shot)
        except shot_plan.CannotWrite as error:
            return f"The prompt was not rewritten: {error} The old one is kept."
    return ""


def _refuse_card(request: MemberRequest, shot: Shot, form: ShotForm) -> HttpResponse:
    shot.refresh_from_db()
    said = [f"{form[name].label}: {problem}" for name, problems in form.errors.items() for problem in problems]
    if request.htmx:
        card = queries.card_of(shot, form=form)
        response = render(request, PAGE + "#card-refused", {"card": card}, status=422)
        detail = f"What you typed is still there. {' '.join(said)}"
        toast = {"words": f"{shot.title} is not saved", "detail": detail, "level": "warning", "key": f"shot-{shot.pk}"}
        return trigger_client_event(response, "toast", toast)
    context = _whole(shot.campaign, problem=" ".join(["Not saved.", *said]))
    cards = tuple(
        queries.card_of(shot, form=form) if card.shot.pk == shot.pk else card for card in context["page"].cards
    )
    context["page"] = queries.CardsPage(cards=cards, after=context["page"].after)
    return render(request, PAGE, context, status=422)


def _remove(request: MemberRequest, shot: Shot) -> HttpResponse:
    shot_plan.take_out(shot, by=request.membership.user)
    if request.htmx:
        return render(request, PAGE + "#card-removed", {**_panel(shot.campaign), "shot": shot})
    messages.success(request, f"{shot.title} is taken out. Its renders and what they cost stay on record.")
    return redirect("plan", shot.campaign_id)


def _panel(campaign: Campaign) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "estimate": estimate_start(campaign),
        "budget_form": BudgetForm(),
        "problem": "",
    }


@require_POST
@member_required()
def add_shot(request: MemberRequest, pk: int) -> HttpResponse:
    """One more shot, with its prompt written at once."""
    campaign = campaign_for(request.membership, pk)
    form = NewShotForm(request.POST, prefix="new")
    if not form.is_valid():
        return render(request, PAGE, _whole(campaign, new_shot=form), status=422)
    shot, problem = shot_plan.add_shot(campaign=campaign, **form.shot())
    if problem:
        messages.warning(request, problem)
    place = f"?after={shot.position - 1}-0" if shot.position >= queries.CARDS else ""
    return redirect(f"{reverse('plan', args=[pk])}{place}#shot-{shot.pk}")


@require_POST
@member_required()
def add_references(request: MemberRequest, pk: int) -> HttpResponse:
    """Product pictures; good ones are kept only if all are good."""
    campaign = campaign_for(request.membership, pk)
    form = ReferencesForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, PAGE, _whole(campaign, references_form=form), status=422)
    for picture in form.cleaned_data["references"]:
        keep_reference(campaign=campaign, picture=picture, role=Reference.Role.PRODUCT, by=request.membership.user)
    return redirect("plan", pk)


@require_POST
@member_required()
def set_campaign_budget(request: MemberRequest, pk: int) -> HttpResponse:
    """The limit of this campaign; the workspace's own binds as well."""
    campaign = campaign_for(request.membership, pk)
    form = BudgetForm(request.POST)
    if not form.is_valid():
        return render(request, PAGE, _whole(campaign, budget_form=form), status=422)
    ledger.set_limit(workspace=campaign.workspace, campaign=campaign, limit=form.cleaned_data["limit"])
    return redirect(f"{reverse('plan', args=[pk])}#preflight")


@require_POST
@member_required()
def start(request: MemberRequest, pk: int) -> HttpResponse:
    """Start everything that was never rendered, together, or nothing."""
    campaign = campaign_for(request.membership, pk)
    try:
        started = runs.start_run(campaign, by=request.membership.user)
    except runs.StartedAlready as twice:
        messages.info(request, str(twice))
    except (ledger.NoHeadRoom, runs.CannotStart) as error:
        if request.htmx:
            return render(request, PAGE + "#preflight", {**_panel(campaign), "problem": str(error)}, status=409)
        return render(request, PAGE, _whole(campaign, problem=str(error)), status=409)
    else:
        messages.success(request, f"{len(started)} shot{'s' if len(started) != 1 else ''} started together.")
    address = reverse("campaign", args=[pk])
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


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
