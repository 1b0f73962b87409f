"""Generations, scores, money, deliveries."""

from generation.models.delivery import Throttle, WebhookDelivery
from generation.models.generation import Generation, GenerationEvent, new_generation_id
from generation.models.lease import Heartbeat, Lease
from generation.models.ledger import LedgerEntry, Reservation
from generation.models.model_call import ModelCall
from generation.models.price import Price
from generation.models.score import Score

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
