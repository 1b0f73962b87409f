"""Generations, scores, money, deliveries."""

from generation.models.engine import Heartbeat, Lease, Throttle, WebhookDelivery
from generation.models.generation import Generation, GenerationEvent, Score, new_generation_id
from generation.models.money import LedgerEntry, ModelCall, Price, Reservation
from generation.rules.states import (
    ASKED_TO_STOP,
    AT_THE_PROVIDERS,
    CANCELLED_AT_ONCE,
    EDITS,
    MAY_EDIT,
    OPEN,
    TERMINAL,
    WORKING,
    GenerationState,
    Purpose,
)

__all__ = [
    "ASKED_TO_STOP",
    "AT_THE_PROVIDERS",
    "CANCELLED_AT_ONCE",
    "EDITS",
    "MAY_EDIT",
    "OPEN",
    "TERMINAL",
    "WORKING",
    "Generation",
    "GenerationEvent",
    "GenerationState",
    "Heartbeat",
    "Lease",
    "LedgerEntry",
    "ModelCall",
    "Price",
    "Purpose",
    "Reservation",
    "Score",
    "Throttle",
    "WebhookDelivery",
    "new_generation_id",
]
