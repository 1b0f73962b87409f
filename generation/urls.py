"""Addresses of this room."""

from django.urls import path

from generation.views import files, new_campaign, plan, webhooks

urlpatterns = [
    path("webhooks/replicate/", webhooks.receive_replicate, name="replicate-webhook"),
    path("files/<str:signature>/<path:path>", files.serve_file, name="file"),
    # a campaign before it runs
    path("campaigns/new/", new_campaign.new_campaign, name="new-campaign"),
    path("campaigns/<int:pk>/plan/", plan.plan, name="plan"),
    path("campaigns/<int:pk>/plan/again/", plan.plan_again, name="plan-again"),
    path("campaigns/<int:pk>/plan/shots/", plan.add_shot, name="add-shot"),
    path("campaigns/<int:pk>/plan/shots/<int:shot_pk>/", plan.edit_shot, name="edit-shot"),
    path("campaigns/<int:pk>/plan/references/", plan.add_references, name="add-references"),
    path("campaigns/<int:pk>/plan/budget/", plan.set_campaign_budget, name="campaign-budget"),
    path("campaigns/<int:pk>/plan/terms/", plan.take_terms, name="take-terms"),
    path("campaigns/<int:pk>/plan/start/", plan.start, name="start-run"),
]
