"""Generations, scores, money, deliveries."""

from generation.models.delivery import Lease, Pulse, Throttle, WebhookDelivery
from generation.models.generation import Generation, GenerationEvent, new_generation_id
from generation.models.inquiry import Inquiry
from generation.models.ledger import LedgerEntry, Reservation
from generation.models.price import Price
from generation.models.score import Score

__all__ = [
    "Generation",
    "GenerationEvent",
    "Inquiry",
    "Lease",
    "LedgerEntry",
    "Price",
    "Pulse",
    "Reservation",
    "Score",
    "Throttle",
    "WebhookDelivery",
    "new_generation_id",
]
