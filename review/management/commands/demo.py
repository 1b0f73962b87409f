"""`manage.py demo`: the demo workspace, once."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from campaigns.accounts.demo_sign_ins import DEMO_SIGN_INS
from review.demo.workspace import make_demo


class Command(BaseCommand):
    help = "Make the demo workspace with its three campaigns and print its sign-ins. Does nothing where it exists."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo has public passwords; it is not made in production.")
        make_demo()
        for sign_in in DEMO_SIGN_INS:
            self.stdout.write(f"  {sign_in.email}  {sign_in.password}  {sign_in.role}")
