"""Generations, scores, money, deliveries."""

from generation.models.engine import Heartbeat, Lease, Throttle, WebhookDelivery
from generation.models.generation import Generation, GenerationEvent, Score, new_generation_id
from generation.models.money import LedgerEntry, ModelCall, Price, Reservation

__all__ = [
    "Generation",
    "GenerationEvent",
    "Heartbeat",
    "Lease",
    "LedgerEntry",
    "ModelCall",
    "Price",
    "Reservation",
    "Score",
    "Throttle",
    "WebhookDelivery",
    "new_generation_id",
]
