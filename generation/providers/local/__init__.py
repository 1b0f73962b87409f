"""The local studio: an honest stand-in for the paid providers. It blocks out a comp, measures it, and costs nothing."""

from generation.providers.local.critic import LocalCritic
from generation.providers.local.studio import LocalImageProvider

__all__ = ["LocalCritic", "LocalImageProvider"]
