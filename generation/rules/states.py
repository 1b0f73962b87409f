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
# Not over: money is reserved, the headless run waits, a newer start would be a second one.
OPEN = frozenset(set(GenerationState) - TERMINAL)
# Machines work on it, so that a page looks again by itself. Every open state is in here, or waits for a person.
WORKING = frozenset({_S.QUEUED, _S.SUBMITTING, _S.IN_DOUBT, _S.RENDERING, _S.FETCHING, _S.SCORING})
WAITING_FOR_A_PERSON: frozenset[GenerationState] = frozenset()
# The conductor keeps its quick pace for these.
AT_THE_PROVIDERS = frozenset({_S.QUEUED, _S.SUBMITTING, _S.IN_DOUBT, _S.RENDERING})

# What a person's "cancel" does: the first were not sent and end at once, the second are asked to stop at the provider,
# the third are rendered and paid, so their images are kept.
CANCELLED_AT_ONCE = frozenset({_S.QUEUED})
ASKED_TO_STOP = frozenset({_S.SUBMITTING, _S.IN_DOUBT, _S.RENDERING})
FINISHED_ALL_THE_SAME = frozenset({_S.FETCHING, _S.SCORING})


class Purpose(StrEnum):
    """Why a generation was made."""

    CREATE = "create"
    RETRY = "retry"
    REFINE = "refine"
    INPAINT = "inpaint"
    VARIATION = "variation"
    UPSCALE = "upscale"


# They change an image that exists. A variation of an edit is that edit once more.
EDITS = frozenset({Purpose.REFINE, Purpose.INPAINT, Purpose.UPSCALE})
MAY_EDIT = EDITS | {Purpose.VARIATION}


def may_move(*, origin: GenerationState, to: GenerationState) -> bool:
    """Whether the table allows this step."""
    return to in TRANSITIONS[origin]
