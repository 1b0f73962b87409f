"""What left the house: the list, one export, its files."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from campaigns.accounts.access import campaign_for
from campaigns.accounts.requests import MemberRequest, member_required
from campaigns.models import Role
from review.exports import naming, store
from review.exports.archive import archive_name, stream_archive
from review.exports.manifest import media_type_of
from review.models import Export, ExportFile
from review.queries import exports as queries
from review.services.exports import NothingToExport, request_export, retry_export
from review.tasks import nudge_export


def export_for(request: MemberRequest, pk: int) -> Export:
    """An export of the person's workspace, or 404."""
    return get_object_or_404(
        Export.objects.select_related("campaign", "requested_by"), pk=pk, workspace_id=request.membership.workspace_id
    )


@require_safe
@member_required()
def exports(request: MemberRequest) -> HttpResponse:
    """What went where, and the campaigns whose finals can go."""
    workspace_id = request.membership.workspace_id
    lines = queries.export_lines(workspace_id)
    context = {"lines": lines, "is_live": queries.is_under_way(lines), "may_export": _may_export(request)}
    if request.htmx:
        return render(request, "review/exports.html#export-list", context)
    return render(request, "review/exports.html", {**context, "campaigns": queries.signed_campaigns(workspace_id)})


@require_safe
@member_required()
def export(request: MemberRequest, pk: int) -> HttpResponse:
    """One export: every object with its hash, verified or not."""
    found = export_for(request, pk)
    line = queries.export_line(found)
    context = {
        "export": found,
        "line": line,
        "is_live": queries.is_under_way([line]),
        "finals": queries.files_by_final(found),
        "may_export": _may_export(request),
    }
    template = "review/export.html#export-state" if request.htmx else "review/export.html"
    return render(request, template, context)


@require_POST
@member_required(Role.APPROVER)
def export_campaign(request: MemberRequest, pk: int) -> HttpResponse:
    """All signed finals of a campaign, again."""
    campaign = campaign_for(request.membership, pk)
    try:
        requested = request_export(campaign=campaign, by=request.membership.user)
    except NothingToExport as nothing:
        messages.warning(request, str(nothing))
        return redirect("exports")
    transaction.on_commit(partial(nudge_export, requested.pk))
    return redirect("export", pk=requested.pk)


@require_POST
@member_required(Role.APPROVER)
def retry(request: MemberRequest, pk: int) -> HttpResponse:
    """Go on where it stopped."""
    found = export_for(request, pk)
    if retry_export(found):
        transaction.on_commit(partial(nudge_export, found.pk))
    else:
        messages.info(request, "This export is under way or done already.")
    return redirect("export", pk=pk)


@require_safe
@member_required()
def manifest(request: MemberRequest, pk: int) -> HttpResponse:
    """The manifest as it lies in the store."""
    found = export_for(request, pk)
    if not found.manifest_name:
        raise Http404
    return _from_store(request, found, naming.MANIFEST, download="download" in request.GET)


@require_safe
@member_required()
def export_file(request: MemberRequest, pk: int, file_pk: int) -> HttpResponse:
    """One verified object, from the store."""
    found = export_for(request, pk)
    file = get_object_or_404(ExportFile, pk=file_pk, export=found, state=ExportFile.State.VERIFIED)
    return _from_store(request, found, file.name, download=True)


@require_safe
@member_required()
def export_zip(request: MemberRequest, pk: int) -> HttpResponse:
    """All verified objects in one file."""
    found = export_for(request, pk)
    if not found.files.filter(state=ExportFile.State.VERIFIED).exists():
        raise Http404
    return _send(request, found, stream_archive(found), name=f"{archive_name(found)}.zip", media_type="application/zip")


def _from_store(request: MemberRequest, found: Export, name: str, *, download: bool) -> HttpResponse:
    pieces = store.stream(f"{found.prefix}/{name}")
    return _send(request, found, pieces, name=name, media_type=media_type_of(name), download=download)


def _send(
    request: MemberRequest,
    found: Export,
    pieces: Iterator[bytes],
    *,
    name: str,
    media_type: str,
    download: bool = True,
) -> HttpResponse:
    """Stream; a store that does not answer is said on the page instead of in a torn file."""
    try:
        first = next(pieces, b"")
    except store.StoreTrouble as trouble:
        messages.error(request, f"{trouble} The files are untouched; try the download again later.")
        return redirect("export", pk=found.pk)
    response: Any = StreamingHttpResponse(chain([first], pieces), content_type=media_type)
    disposition = "attachment" if download else "inline"
    # names hold nothing but a-z A-Z 0-9 . _ - (review.exports.naming)
    response["Content-Disposition"] = f'{disposition}; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    answer: HttpResponse = response
    return answer


def _may_export(request: MemberRequest) -> bool:
    return request.membership.reaches(Role.APPROVER)
