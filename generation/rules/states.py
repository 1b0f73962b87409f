"""The life of a generation, as a table that reads like the diagram. Pure: no database, no clock.

    queued -> submitting -> rendering -> fetching -> scoring -> ready
                  |             |            |          |
                  v             +-> refused  +-> failed +-> (unscored) ready
              in_doubt          +-> failed

`in_doubt`: the process died, or the answer was lost, between the provider's POST and our
saving its id. It is left only by asking the provider, or by a person.
"""

from enum import StrEnum


class GenerationState(StrEnum):
    """Where one render stands."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    IN_DOUBT = "in_doubt"
    RENDERING = "rendering"
    FETCHING = "fetching"
    SCORING = "scoring"
    READY = "ready"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


_S = GenerationState

TRANSITIONS: dict[GenerationState, frozenset[GenerationState]] = {
    _S.QUEUED: frozenset({_S.SUBMITTING, _S.CANCELLED, _S.FAILED}),
    # back to queued: the provider said "busy" or the process died before the POST: nothing was bought
    _S.SUBMITTING: frozenset({_S.RENDERING, _S.QUEUED, _S.IN_DOUBT, _S.REFUSED, _S.FAILED, _S.CANCELLED}),
    _S.IN_DOUBT: frozenset({_S.RENDERING, _S.QUEUED, _S.FAILED, _S.CANCELLED}),
    _S.RENDERING: frozenset({_S.FETCHING, _S.REFUSED, _S.FAILED, _S.CANCELLED, _S.QUEUED}),
    _S.FETCHING: frozenset({_S.SCORING, _S.FAILED, _S.CANCELLED}),
    _S.SCORING: frozenset({_S.READY, _S.FAILED}),
    _S.READY: frozenset(),
    # a parked generation can be retried by an admin from where its money stands
    _S.FAILED: frozenset({_S.QUEUED, _S.FETCHING, _S.SCORING}),
    _S.REFUSED: frozenset(),
    _S.CANCELLED: frozenset(),
}

TERMINAL = frozenset({_S.READY, _S.FAILED, _S.REFUSED, _S.CANCELLED})
UNFINISHED = frozenset(set(GenerationState) - TERMINAL)
IN_FLIGHT = frozenset({_S.SUBMITTING, _S.IN_DOUBT, _S.RENDERING, _S.FETCHING, _S.SCORING})


class Purpose(StrEnum):
    """Why a generation was made."""

    CREATE = "create"
    RETRY = "retry"
    REFINE = "refine"
    INPAINT = "inpaint"
    VARIATION = "variation"
    UPSCALE = "upscale"


def may_move(*, origin: GenerationState, to: GenerationState) -> bool:
    """Whether the table allows this step."""
    return to in TRANSITIONS[origin]
