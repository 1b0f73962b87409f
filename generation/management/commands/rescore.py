"""`manage.py rescore --campaign N [--batch] [--resume ID]`: every finished picture of a campaign scored anew."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.models import Campaign
from generation.engine.rescoring import NotForBatches, Rescored, collect_rescoring, rescorable, rescore, send_rescoring
from generation.money.ledger import NoHeadRoom
from generation.rules.values import ProviderError


class Command(BaseCommand):
    help = "Score every finished picture of a campaign anew. States stay; scores, and what they cost, are added."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--campaign", type=int, required=True, help="the campaign's number")
        parser.add_argument("--batch", action="store_true", help="half the price, up to a day of waiting (Claude only)")
        parser.add_argument("--resume", default="", help="read the answers of this batch, handed in before")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = Campaign.objects.select_related("brand_kit", "workspace").filter(pk=options["campaign"]).first()
        if campaign is None:
            raise CommandError(f"There is no campaign {options['campaign']}.")
        try:
            done = list(self._rescore(campaign, batch=options["batch"], resume=options["resume"]))
        except (NotForBatches, ProviderError, NoHeadRoom) as error:
            raise CommandError(f"{error} What was scored before is kept.") from error
        for entry in done:
            if entry.problem:
                self.stdout.write(f"{entry.generation_id} keeps its old score: {entry.problem}")
        self.stdout.write(f"{sum(not entry.problem for entry in done)} of {len(done)} pictures scored anew.")

    def _rescore(self, campaign: Campaign, *, batch: bool, resume: str) -> Iterator[Rescored]:
        if resume:
            yield from collect_rescoring(resume, campaign=campaign)
        elif batch:
            handed_in = []
            for batch_id in send_rescoring(rescorable(campaign), campaign=campaign):
                self.stdout.write(f"Handed in as {batch_id}. After a break: --resume {batch_id}")
                handed_in.append(batch_id)
            for batch_id in handed_in:
                yield from collect_rescoring(batch_id, campaign=campaign)
        else:
            yield from rescore(rescorable(campaign))
