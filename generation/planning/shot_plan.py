"""A shot before it is rendered: what people change about it, and what follows from that (model, prompt)."""

from typing import Any

from campaigns import services as campaigns
from campaigns.models import Campaign, Shot, User
from generation import catalogue
from generation.money import ledger
from generation.planning import runs
from generation.planning.planning import brand_guide, choose_model, write_shot_prompt
from generation.rules.values import ProviderError

# What the router reads: where one of these changes, it is asked again.
ROUTED_BY = frozenset({"kind", "wants_text"})
# An empty choice in the form: the router decides.
ROUTER = ""


class CannotWrite(Exception):
    """No prompt was written. The message is for people."""


def change_shot(*, shot: Shot, model: str, by_name: str, **fields: Any) -> Shot:
    """Keep a person's edit. `model` is a key of the catalogue, or "" to let the router choose."""
    changed = {name: value for name, value in fields.items() if getattr(shot, name) != value}
    for name, value in changed.items():
        setattr(shot, name, value)
    if model != ROUTER:
        if model != shot.model or not shot.model_overridden:
            label = catalogue.get_model(model).label
            reason = f"{by_name} chose {label}."
            changed |= {"model": model, "model_overridden": True, "model_reason": reason[:300]}
    elif shot.model_overridden or not shot.model or ROUTED_BY & changed.keys():
        changed |= {**choose_model(shot), "model_overridden": False}
    return campaigns.edit_shot(shot, **changed) if changed else shot


def rewrite_prompt(shot: Shot) -> Shot:
    """Have the prompt written anew from the words of the shot. Raises CannotWrite; then nothing was changed."""
    campaign = shot.campaign
    try:
        return write_shot_prompt(shot=shot, campaign=campaign, brand=brand_guide(campaign.brand_kit))
    except (ProviderError, ledger.NoHeadRoom) as error:
        raise CannotWrite(str(error)) from error


def add_shot(*, campaign: Campaign, **fields: Any) -> tuple[Shot, str]:
    """One more shot with its prompt; the second value says what went wrong with the prompt ("" if nothing)."""
    shot = campaigns.add_shots(campaign=campaign, shots=[fields])[0]
    try:
        return rewrite_prompt(shot), ""
    except CannotWrite as error:
        campaigns.edit_shot(shot, **choose_model(shot))
        return shot, f"The shot is kept without a prompt: {error}"


def take_out(shot: Shot, *, by: User) -> None:
    """Remove a shot and stop what is being made of it. What exists, and what it cost, stays on record."""
    campaigns.remove_shot(shot)
    runs.cancel_run(shot.campaign, by=by, shot=shot)
