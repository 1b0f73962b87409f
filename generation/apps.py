from django.apps import AppConfig
from django.db.models.signals import post_migrate


class GenerationConfig(AppConfig):
    name = "generation"
    verbose_name = "What machines made and what it cost"

    def ready(self) -> None:
        # models are loaded only now
        from generation.money import bills

        post_migrate.connect(bills.after_migration, sender=self)
