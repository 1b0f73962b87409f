"""Marks and comments as other programs read them: a W3C Annotation Page (Web Annotation Data Model, 2017)."""

from typing import Any

from generation.models import Generation
from review.models import Annotation, Comment

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
# What a mark asks for, in the standard's own vocabulary where it has a word.
MOTIVATIONS = {"keep": "assessing", "change": "editing", "remove": "editing"}


def as_web_annotations(generation: Generation, *, base: str) -> dict[str, Any]:
    """All marks of an image with their words, then the comments on the whole of it. Two queries.

    `base`: the image's address, ending in a slash.
    """
    marks = Annotation.objects.filter(generation=generation, deleted_at__isnull=True).select_related("by")
    threads: dict[str | None, list[Comment]] = {}
    for comment in Comment.objects.filter(generation=generation).select_related("by"):
        threads.setdefault(comment.annotation_id, []).append(comment)
    return {
        "@context": CONTEXT,
        "id": f"{base}marks.json",
        "type": "AnnotationPage",
        "items": [
            *(_annotation(mark, threads.get(mark.pk, []), base=base) for mark in marks.order_by("created_at", "pk")),
            *(_comment(comment, base=base) for comment in threads.get(None, [])),
        ],
    }


def _annotation(mark: Annotation, comments: list[Comment], *, base: str) -> dict[str, Any]:
    body: list[dict[str, Any]] = [{"type": "TextualBody", "value": mark.kind, "purpose": "tagging"}]
    if mark.resolved_at:
        body.append({"type": "TextualBody", "value": "resolved", "purpose": "tagging"})
    body += [
        _said(comment, purpose="commenting" if index == 0 else "replying") for index, comment in enumerate(comments)
    ]
    return {
        "id": f"{base}marks/{mark.pk}",
        "type": "Annotation",
        "motivation": MOTIVATIONS[mark.kind],
        "creator": {"type": "Person", "name": str(mark.by)},
        "created": mark.created_at.isoformat(),
        "modified": mark.updated_at.isoformat(),
        "body": body,
        "target": {**mark.target, "source": base},
    }


def _comment(comment: Comment, *, base: str) -> dict[str, Any]:
    return {
        "id": f"{base}comments/{comment.pk}",
        "type": "Annotation",
        "motivation": "commenting",
        "creator": {"type": "Person", "name": str(comment.by)},
        "created": comment.at.isoformat(),
        "body": [_said(comment, purpose="commenting")],
        "target": base,
    }


def _said(comment: Comment, *, purpose: str) -> dict[str, Any]:
    return {
        "type": "TextualBody",
        "value": comment.text,
        "format": "text/plain",
        "purpose": purpose,
        "creator": {"type": "Person", "name": str(comment.by)},
        "created": comment.at.isoformat(),
    }
