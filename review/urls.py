"""Addresses of this room."""

from django.urls import URLPattern, path

from review.views import (
    assignments,
    campaigns,
    costs,
    exports,
    inbox,
    loupe,
    marks,
    presence,
    queue,
    reasons,
    revisions,
    saved_views,
    settings,
    sheet,
    signoff,
    verdicts,
)

urlpatterns: list[URLPattern] = []

# --- inbox, campaigns, settings ----------------------------------------------------------
urlpatterns += [
    path("", inbox.inbox, name="inbox"),
    path("notices/<int:pk>/", inbox.open_notice, name="open-notice"),
    path("campaigns/", campaigns.campaigns, name="campaigns"),
    path("campaigns/<int:pk>/", campaigns.campaign, name="campaign"),
    path("campaigns/<int:pk>/run/", campaigns.control_run, name="control-run"),
    path("campaigns/<int:pk>/shots/<int:shot_pk>/start-again/", campaigns.start_again, name="start-again"),
    path("images/<str:pk>/retry/", campaigns.retry_generation, name="retry-generation"),
    path("settings/", settings.settings, name="settings"),
    path("settings/budget/", settings.set_workspace_budget, name="workspace-budget"),
    path("settings/reject-reasons/", reasons.reject_reasons, name="reject-reasons"),
    path("settings/reject-reasons/<int:pk>/", reasons.reject_reason, name="reject-reason"),
]

# --- sign-off, exports, costs ------------------------------------------------------------
urlpatterns += [
    path("sign-off/", signoff.signoffs, name="signoffs"),
    path("images/<str:pk>/sign-off/", signoff.sign_off, name="sign-off"),
    path("images/<str:pk>/send-back/", signoff.send_back, name="send-back"),
    path("images/<str:pk>/withdraw-signature/", signoff.withdraw_signature, name="withdraw-signature"),
    path("campaigns/<int:pk>/export/", exports.export_campaign, name="export-campaign"),
    path("exports/", exports.exports, name="exports"),
    path("exports/<int:pk>/", exports.export, name="export"),
    path("exports/<int:pk>/retry/", exports.retry, name="retry-export"),
    path("exports/<int:pk>/manifest.json", exports.manifest, name="export-manifest"),
    path("exports/<int:pk>/files.zip", exports.export_zip, name="export-zip"),
    path("exports/<int:pk>/files/<int:file_pk>/", exports.export_file, name="export-file"),
    path("costs/", costs.costs, name="costs"),
    path("costs/<slug:table>.csv", costs.table_csv, name="costs-csv"),
]

# --- review queue ------------------------------------------------------------------------
urlpatterns += [
    path("review/", queue.queue, name="house-queue"),
    path("review/hold/", queue.queue_hold, name="house-queue-hold"),
    path("campaigns/<int:pk>/review/", queue.queue, name="queue"),
    path("campaigns/<int:pk>/review/hold/", queue.queue_hold, name="queue-hold"),
]

# --- contact sheet, loupe, verdicts, marks -----------------------------------------------
urlpatterns += [
    path("campaigns/<int:pk>/sheet/", sheet.sheet, name="sheet"),
    path("campaigns/<int:pk>/sheet/filters/", sheet.sheet_filters, name="sheet-filters"),
    path("campaigns/<int:pk>/sheet/changes/", sheet.sheet_changes, name="sheet-changes"),
    path("campaigns/<int:pk>/views/", saved_views.saved_views, name="saved-views"),
    path("campaigns/<int:pk>/views/<int:view_pk>/", saved_views.saved_view, name="saved-view"),
    path("campaigns/<int:pk>/assignments/", assignments.assignments, name="assignments"),
    path("images/<str:pk>/", loupe.loupe, name="loupe"),
    path("images/<str:pk>/film/", loupe.film, name="film"),
    path("images/<str:pk>/verdict/", verdicts.verdict, name="verdict"),
    path("images/<str:pk>/presence/", presence.presence, name="presence"),
    path("images/<str:pk>/revise/", revisions.revise, name="revise"),
    path("images/<str:pk>/marks/", marks.marks, name="marks"),
    path("images/<str:pk>/marks.json", marks.marks_download, name="marks-download"),
    path("images/<str:pk>/marks.png", marks.marks_picture, name="marks-picture"),
    path("images/<str:pk>/comments/", marks.comments, name="comments"),
]
