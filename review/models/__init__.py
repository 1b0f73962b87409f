"""Verdicts, marks, signatures, exports, notices."""

from review.models.annotation import Annotation, Comment
from review.models.event import ImageEvent
from review.models.export import Export, ExportFile, ShareLink
from review.models.notice import Assignment, Notice, NoticeDelivery, ReviewLease, SavedView
from review.models.signoff import SignOff
from review.models.stack import Stack
from review.models.tally import Tally
from review.models.verdict import Decision, RejectReason, Standing, Verdict

__all__ = [
    "Annotation",
    "Assignment",
    "Comment",
    "Decision",
    "Export",
    "ExportFile",
    "ImageEvent",
    "Notice",
    "NoticeDelivery",
    "RejectReason",
    "ReviewLease",
    "SavedView",
    "ShareLink",
    "SignOff",
    "Stack",
    "Standing",
    "Tally",
    "Verdict",
]
