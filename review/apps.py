from django.apps import AppConfig
from django.db.models.signals import post_save


class ReviewConfig(AppConfig):
    name = "review"
    verbose_name = "What people decided and what leaves the house"

    def ready(self) -> None:
        # campaigns makes workspaces and does not know this room
        from review.services.reasons import welcome_workspace

        post_save.connect(welcome_workspace, sender="campaigns.Workspace", dispatch_uid="review.welcome_workspace")
