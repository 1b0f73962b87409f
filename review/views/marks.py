"""The door for marks and comments."""

import json
from typing import Any

from django.db import transaction
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.accounts.requests import MemberRequest, member_required
from generation.models import Generation
from generation.pictures.files import read_file
from review.access import generation_for_review
from review.exports.marked import draw_marked
from review.models import Annotation, Comment
from review.queries.marks import for_script, read_comments, read_marks
from review.queries.marks_export import as_web_annotations
from review.queries.marks_picture import read_drawn_marks
from review.rules.mentions import unknown_names
from review.services.annotations import MarksRefused, SavedMarks, save_marks
from review.services.comments import CommentRefused, add_comment
from review.services.verdicts import is_locked
from review.tasks import nudge_notices

PARTS = ("additions", "changes", "deletions")


@require_http_methods(["GET", "POST"])
@member_required()
def marks(request: MemberRequest, pk: str) -> HttpResponse:
    """GET: the marks as they stand. POST: additions, changes, deletions by id; answered item by item."""
    generation = generation_for_review(request.membership, pk)
    if request.method == "GET":
        return JsonResponse(_describe(request, generation))
    try:
        parcel = _read_parcel(request)
        outcome = save_marks(generation=generation, by=request.membership.user, **parcel)
        transaction.on_commit(nudge_notices)
    except MarksRefused as refused:
        return JsonResponse({"message": str(refused), **_describe(request, generation)}, status=409)
    return JsonResponse(_describe(request, generation, outcome))


@require_POST
@member_required()
def comments(request: MemberRequest, pk: str) -> HttpResponse:
    """Add words to the image or to one of its marks; answers with the whole talk."""
    generation = generation_for_review(request.membership, pk)
    problem, told, where, status = "", "", request.POST.get("annotation", "")[:40], 200
    try:
        mark = get_object_or_404(Annotation, pk=where, generation=generation) if where else None
        text = request.POST.get("text", "")
        told = _reach(add_comment(generation=generation, by=request.membership.user, text=text, annotation=mark))
        transaction.on_commit(nudge_notices)
    except CommentRefused as refused:
        problem, status = str(refused), 422
    context = _talk(request, generation) | {"problem": problem, "problem_at": where, "draft": request.POST.get("text")}
    context |= {"told": told, "told_at": where}
    return render(request, "review/loupe_talk.html", context, status=status)


@require_safe
@member_required()
def marks_download(request: MemberRequest, pk: str) -> HttpResponse:
    """The marks with their words as a W3C Annotation Page, to take along."""
    generation = generation_for_review(request.membership, pk)
    page = as_web_annotations(generation, base=request.build_absolute_uri(f"/images/{pk}/"))
    response = JsonResponse(page, json_dumps_params={"indent": 2})
    response["Content-Disposition"] = f'attachment; filename="{generation.shot.slug}-v{generation.version}-marks.json"'
    return response


@require_safe
@member_required()
def marks_picture(request: MemberRequest, pk: str) -> HttpResponse:
    """The picture with its marks and words burnt in, as PNG for people outside; with people's names for `?names=1`."""
    generation = generation_for_review(request.membership, pk)
    names = request.GET.get("names") == "1"
    marks, remarks = read_drawn_marks(generation, viewer=request.membership.user, names=names)
    title = f"{generation.shot.title}, version {generation.version}"
    try:
        content = draw_marked(read_file(generation.image.name), title=title, marks=marks, remarks=remarks)
    except (OSError, ValueError) as error:
        raise Http404("There is no picture to draw on yet.") from error
    response = HttpResponse(content, content_type="image/png")
    name = f"{generation.shot.slug}-v{generation.version}-marks{'-with-names' if names else ''}.png"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _reach(comment: Comment) -> str:
    """Whom the names in a comment reached, and which mean nobody; "" without names."""
    people = list(comment.mentions.order_by("pk"))
    others = ", ".join(str(person) for person in people if person.pk != comment.by_id)
    unknown = ", ".join(unknown_names(comment.text, people=people))
    told = f"Told: {others}." if others else ""
    missed = f"No one person here is called {unknown}. Write the first name, the full name in one word, or the address."
    return f"{told} {missed if unknown else ''}".strip()


def _read_parcel(request: MemberRequest) -> dict[str, list[Any]]:
    try:
        parcel = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise MarksRefused("What arrived cannot be read. Reload the page and try again.") from error
    if not isinstance(parcel, dict) or not all(isinstance(parcel.get(part, []), list) for part in PARTS):
        raise MarksRefused("What arrived is no parcel of marks. Reload the page and try again.")
    return {part: parcel.get(part, []) for part in PARTS}


def _describe(request: MemberRequest, generation: Generation, outcome: SavedMarks | None = None) -> dict[str, Any]:
    """The marks for the script, the talk as the page shows it, and what became of each item."""
    context = _talk(request, generation)
    answer: dict[str, Any] = {
        "marks": for_script(context["marks"]),
        "html": render_to_string("review/loupe_talk.html", context, request=request),
    }
    if outcome is not None:
        answer |= {"saved": outcome.saved, "conflicts": outcome.conflicts, "refused": outcome.refused}
    return answer


def _talk(request: MemberRequest, generation: Generation) -> dict[str, Any]:
    return {
        "generation": generation,
        "locked": is_locked(generation.shot_id),
        "kinds": Annotation.Kind.choices,
        "marks": read_marks(generation, viewer=request.membership.user),
        "comments": read_comments(generation),
        "problem": "",
        "problem_at": "",
        "draft": "",
        "told": "",
        "told_at": "",
    }
