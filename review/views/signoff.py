"""Finals that wait, and the one page on which a final is signed or sent back."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Role
from generation.models import Generation, GenerationState
from generation.pictures.files import file_url
from generation.rules.gate import show_average
from review.access import generation_for_review
from review.exports.previews import channel_previews
from review.models import Decision, SignOff, Standing
from review.queries import signoffs as queries
from review.services import signoff
from review.services.alt_text import propose_alt_text
from review.signoff_form import SendBackForm, SignOffForm
from review.tasks import nudge_export

REFUSED, OUTDATED = 422, 409


@require_safe
@member_required(Role.APPROVER)
def signoffs(request: MemberRequest) -> HttpResponse:
    """Finals waiting for a signature, and those that have one."""
    workspace_id = request.membership.workspace_id
    context = {"waiting": queries.waiting_finals(workspace_id), "signed": queries.signed_finals(workspace_id)}
    return render(request, "review/signoffs.html", context)


@member_required(Role.APPROVER)
def sign_off(request: MemberRequest, pk: str) -> HttpResponse:
    """The final with its checklist; signed, with its seal."""
    generation = generation_for_review(request.membership, pk)
    if request.method != "POST":
        return _page(request, generation)
    form = SignOffForm(request.POST, generation=generation)
    if not form.is_valid():
        return _page(request, generation, form=form, status=REFUSED)
    try:
        signature = signoff.sign_off(generation=generation, by=request.membership.user, **form.answers())
    except signoff.SignOffRefused as refused:
        return _refuse(request, generation, refused, form=form)
    for export_id in signature.export_files.order_by().values_list("export_id", flat=True).distinct():
        transaction.on_commit(partial(nudge_export, export_id))
    messages.success(request, "Signed. The shot is locked and its files are on their way to the store.")
    return redirect("sign-off", pk=pk)


@require_POST
@member_required(Role.APPROVER)
def send_back(request: MemberRequest, pk: str) -> HttpResponse:
    """Changes are asked for instead."""
    generation = generation_for_review(request.membership, pk)
    form = SendBackForm(request.POST)
    if not form.is_valid():
        return _page(request, generation, send_back_form=form, status=REFUSED)
    try:
        signoff.send_back(
            generation=generation,
            by=request.membership.user,
            note=form.cleaned_data["reason"],
            seen_version=form.cleaned_data["seen_version"],
        )
    except signoff.SignOffRefused as refused:
        return _refuse(request, generation, refused, send_back_form=form)
    messages.success(request, f"{generation.shot.title} was sent back with your note.")
    return redirect("signoffs")


@require_POST
@member_required(Role.APPROVER)
def withdraw_signature(request: MemberRequest, pk: str) -> HttpResponse:
    """The signature under this image is taken back."""
    generation = generation_for_review(request.membership, pk)
    signature = get_object_or_404(SignOff.objects.current(), generation=generation)
    try:
        signoff.withdraw_signature(signature=signature, by=request.membership.user)
    except signoff.SignOffRefused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, "The signature was withdrawn; the shot is open again. What was exported stays there.")
    return redirect("sign-off", pk=pk)


def _refuse(
    request: MemberRequest, generation: Generation, refused: signoff.SignOffRefused, **forms: Any
) -> HttpResponse:
    """The page again, with everything that was typed and what is wrong at its place."""
    form = next(iter(forms.values()))
    form.add_error(refused.field if refused.field in form.fields else None, str(refused))
    status = OUTDATED if isinstance(refused, signoff.SignOffOutdated) else REFUSED
    fresh = generation_for_review(request.membership, generation.pk)
    # the page is drawn anew with what stands now, so the next answer is given on that
    standing = Standing.objects.filter(pk=fresh.pk).first()
    form.data = {
        **form.data.dict(),
        "seen_version": standing.version if standing else 0,
        "confirmed_sha256": fresh.sha256,
    }
    return _page(request, fresh, status=status, **forms)


def _page(
    request: Any,
    generation: Generation,
    *,
    form: SignOffForm | None = None,
    send_back_form: SendBackForm | None = None,
    status: int = 200,
) -> HttpResponse:
    standing = Standing.objects.filter(pk=generation.pk).first()
    seen_version = standing.version if standing else 0
    signature = queries.living_signature(generation.shot_id)
    score, dimensions = queries.score_lines(generation)
    initial = {
        "alt_text": propose_alt_text(
            prompt=generation.shot.prompt, description=generation.shot.description, title=generation.shot.title
        ),
        "seen_version": seen_version,
        "confirmed_sha256": generation.sha256,
    }
    exports = queries.newest_exports([signature.pk]) if signature else {}
    may_sign = generation.state == GenerationState.READY and bool(standing and standing.decision == Decision.APPROVED)
    context = {
        "generation": generation,
        "standing": standing,
        "signature": signature,
        "is_this_one": bool(signature and signature.generation_id == generation.pk),
        "disclosure": signoff.Disclosure(signature.disclosure).label if signature else "",
        "export": exports.get(signature.pk) if signature else None,
        "may_sign": may_sign and signature is None,
        "form": form or SignOffForm(initial=initial, generation=generation),
        "send_back_form": send_back_form
        or SendBackForm(initial={"seen_version": seen_version}, auto_id="send_back_%s"),
        "original_url": file_url(generation.image.name or ""),
        "thumb": queries.thumb_of(generation, alt=generation.shot.description or generation.shot.title),
        "previews": channel_previews(generation),
        "approvals": queries.approvals(generation),
        "score": score,
        "average": show_average(score.average, passed=score.passed) if score else "",
        "dimensions": dimensions,
        "open_marks": queries.open_marks(generation),
        "brand_kit": generation.campaign.brand_kit,
        "next_pk": queries.next_final(request.membership.workspace_id, after=generation),
    }
    return render(request, "review/signoff.html", context, status=status)
