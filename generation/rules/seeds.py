"""Seeds: one base a campaign (the hero's), the others derived from it, always the same way. Pure.

Seeds lie from 1 to 2**31 - 2: some models read 0 as "random", and Ideogram takes no more than 2**31 - 1.
"""

import hashlib

HIGHEST_SEED = 2**31 - 2


def derive_seed(*, base_seed: int, position: int, attempt: int = 1, variation: int = 0) -> int:
    """The seed of one render of a campaign.

    The shot at `position` 0 (the hero) uses the base seed itself at its first attempt; every other (position,
    attempt, variation) gets its own, and gets the same one again in three weeks.
    Raises ValueError for a base seed outside 1 to 2**31 - 2, a negative position or variation, or an attempt below 1.
    """
    if not 1 <= base_seed <= HIGHEST_SEED:
        raise ValueError(f"A base seed lies between 1 and {HIGHEST_SEED}.")
    if position < 0 or attempt < 1 or variation < 0:
        raise ValueError("Positions and variations count from 0, attempts from 1.")
    if (position, attempt, variation) == (0, 1, 0):
        return base_seed
    digest = hashlib.sha256(f"{base_seed}/{position}/{attempt}/{variation}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % HIGHEST_SEED + 1
