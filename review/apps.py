from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "review"
    verbose_name = "What people decided and what leaves the house"
