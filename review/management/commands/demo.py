"""`manage.py demo`: the demo workspace, once."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from review.demo import DEMO_ACCOUNTS, make_demo


class Command(BaseCommand):
    help = "Make the demo workspace with its three campaigns and print its sign-ins. Does nothing where it exists."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo has public passwords; it is not made in production.")
        make_demo()
        for account in DEMO_ACCOUNTS:
            self.stdout.write(f"  {account.email}  {account.password}  {account.role}")
