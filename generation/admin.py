"""The technical administration of this room: to look, not to touch. Lives and money have one writer each."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from generation.models import (
    Generation,
    GenerationEvent,
    Heartbeat,
    Lease,
    LedgerEntry,
    ModelCall,
    Price,
    Reservation,
    Score,
    Throttle,
    WebhookDelivery,
)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only the engine writes."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    list_display = ("id", "campaign", "shot", "version", "model", "state", "average", "created_at")
    list_filter = ("state", "provider", "purpose")
    list_select_related = ("campaign", "shot")
    search_fields = ("id", "external_id", "ticket")


@admin.register(GenerationEvent)
class GenerationEventAdmin(ReadOnlyAdmin):
    list_display = ("generation_id", "origin", "to", "note", "at")
    search_fields = ("generation__id",)


@admin.register(Score)
class ScoreAdmin(ReadOnlyAdmin):
    list_display = ("generation_id", "critic", "average", "bar", "passed", "weakest", "created_at")
    list_filter = ("passed", "critic")


@admin.register(ModelCall)
class InquiryAdmin(ReadOnlyAdmin):
    list_display = ("id", "purpose", "provider", "model", "held", "asked_at", "settled_at", "counted")
    list_filter = ("purpose", "counted")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ("key", "amount", "purpose", "provider", "model", "ticket", "at")
    list_filter = ("purpose", "provider")
    search_fields = ("key", "ticket")


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    list_display = ("generation_id", "amount", "remaining", "state", "created_at", "ended_at")
    list_filter = ("state",)


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    list_display = ("provider", "model", "unit", "amount", "valid_from", "source")
    search_fields = ("model",)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("provider", "delivery_id", "generation_id", "received_at", "handled_at")


@admin.register(Lease)
class LeaseAdmin(ReadOnlyAdmin):
    list_display = ("name", "claimed_by", "token", "claimed_until")


@admin.register(Throttle)
class ThrottleAdmin(ReadOnlyAdmin):
    list_display = ("account", "per_minute", "next_at", "paused_until", "note")


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("name", "at")
