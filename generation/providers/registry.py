"""Which providers are live, and one of each for a process, built from the settings when first asked for.

Nothing is imported or connected before it is needed: a page that shows a list loads no client. A forked worker
builds its own, for sockets do not survive a fork.
"""

import inspect
import os
from collections.abc import Callable
from threading import RLock
from typing import Any, cast

from django.conf import settings
from django.utils.module_loading import import_string

from generation import catalogue
from generation.catalogue import Ability, CatalogueModel
from generation.catalogue.providers import COG, IMAGE_PROVIDERS, LOCAL, PROVIDERS, REPLICATE
from generation.providers.base import Critic, ImageProvider, PromptWriter
from generation.rules.values import ProviderRefused

_lock = RLock()
_built: dict[tuple[int, str], Any] = {}


def live_providers() -> frozenset[str]:
    """Give the names of the providers that can be asked: those that are always there or set up."""
    return frozenset(
        name for name, provider in PROVIDERS.items() if not provider.setting or getattr(settings, provider.setting)
    )


def available_models() -> tuple[CatalogueModel, ...]:
    """The models that can be asked now, in the order of the catalogue."""
    return catalogue.available_models(live_providers(), self_hosted=_self_hosted())


def listed_models() -> tuple[tuple[CatalogueModel, str], ...]:
    """Every model with the reason why it cannot be asked now, "" if it can."""
    return catalogue.catalogue(live_providers=live_providers(), self_hosted=_self_hosted())


def get_model(key: str) -> CatalogueModel:
    """The model of this name; a container of one's own as its owner describes it. Raises catalogue.UnknownModel."""
    return _self_hosted() if key == catalogue.COG.key else catalogue.get_model(key)


def _self_hosted() -> CatalogueModel:
    return catalogue.describe_self_hosted(
        abilities=frozenset(map(Ability, settings.COG_ABILITIES)), lacks=frozenset(settings.COG_LACKS)
    )


def image_provider(name: str) -> ImageProvider:
    """The provider of images called `name`: local, replicate or cog. Raises ProviderRefused where it is not set up."""
    if (found := _built.get((os.getpid(), f"image {name}"))) is not None:
        return cast(ImageProvider, found)
    if name not in IMAGE_PROVIDERS or name not in live_providers():
        raise ProviderRefused(
            f"The image provider “{name}” is not set up here. Nothing was sent or paid. See the settings page.",
            kind="unauthorised",
        )
    return cast(ImageProvider, _once(f"image {name}", _BUILDERS[name]))


def tidy_studio(*, older_than_seconds: float) -> int:
    """Delete the local studio's old files; returns how many went."""
    return int(_once("image local", _build_local).forget_old(seconds=older_than_seconds))


def prompt_writer() -> PromptWriter:
    """Claude where a key is set, else the local writer."""
    return cast(PromptWriter, _once("writer", _build_writer))


def critic() -> Critic:
    """Claude where a key is set, else the local critic, which measures."""
    return cast(Critic, _once("critic", _build_critic))


async def close() -> None:
    """Let go of what this process built: connections, and the studio's own processes."""
    with _lock:
        built = [provider for (pid, _), provider in _built.items() if pid == os.getpid()]
        _built.clear()
    for provider in built:
        # connections that belong to the running loop first
        closing = getattr(provider, "aclose", None) or getattr(provider, "close", None)
        if closing is not None:
            answer = closing()
            if inspect.isawaitable(answer):
                await answer


def reset() -> None:
    """Close and forget what this process built, so that changed settings count. For tests."""
    with _lock:
        mine = [built for (pid, _), built in _built.items() if pid == os.getpid()]
        _built.clear()
    for built in mine:
        if hasattr(built, "close"):
            built.close()


def _once(name: str, build: Callable[[], Any]) -> Any:
    with _lock:
        place = (os.getpid(), name)
        if place not in _built:
            _built[place] = build()
        return _built[place]


def _build_local() -> ImageProvider:
    provider = import_string("generation.providers.local.LocalImageProvider")
    return cast(ImageProvider, provider(settings.VAR_DIR / "studio"))


def _build_replicate() -> ImageProvider:
    provider = import_string("generation.providers.replicate.adapter.ReplicateProvider")
    return cast(
        ImageProvider,
        provider(
            token=settings.REPLICATE_API_TOKEN,
            base_url=settings.REPLICATE_BASE_URL,
            output_hosts=settings.LOUPE_OUTPUT_HOSTS,
            deployments=settings.REPLICATE_DEPLOYMENTS,
        ),
    )


def _build_cog() -> ImageProvider:
    provider = import_string("generation.providers.cog.CogProvider")
    return cast(
        ImageProvider,
        provider(
            base_url=settings.COG_URL,
            state_dir=settings.VAR_DIR / "cog",
            output_hosts=settings.LOUPE_OUTPUT_HOSTS,
            model=_self_hosted(),
        ),
    )


_BUILDERS: dict[str, Callable[[], ImageProvider]] = {
    LOCAL.name: _build_local,
    REPLICATE.name: _build_replicate,
    COG.name: _build_cog,
}


def _build_writer() -> PromptWriter:
    if not settings.ANTHROPIC_API_KEY:
        return cast(PromptWriter, import_string("generation.studio.writer.LocalPromptWriter")())
    writer = import_string("generation.providers.anthropic.adapter.AnthropicWriter")
    return cast(PromptWriter, writer(api_key=settings.ANTHROPIC_API_KEY, model=settings.LOUPE_WRITER_MODEL))


def _build_critic() -> Critic:
    if not settings.ANTHROPIC_API_KEY:
        return cast(Critic, import_string("generation.studio.critic.LocalCritic")())
    critic_class = import_string("generation.providers.anthropic.adapter.AnthropicCritic")
    return cast(Critic, critic_class(api_key=settings.ANTHROPIC_API_KEY, model=settings.LOUPE_CRITIC_MODEL))
