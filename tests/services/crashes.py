"""Points at which a process of Loupe ends itself by SIGKILL, armed by a test. Nothing of this is in the product.

A plan names points and says with what probability and how often over all processes together; every crash leaves a
file in the plan's folder, which is how the times are counted across processes and how a test sees that it happened.

Points: before_answer and after_answer (of Claude), before_post, after_post, after_save, during_fetch, after_download,
after_renditions, after_store, before_score, after_score, after_ready, before_follow_up.
"""

import importlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from celery.concurrency.asynpool import AsynPool

from generation.engine import follow_up, mirror, outcomes, scoring, steps
from generation.providers.anthropic.client import Claude
from generation.providers.replicate.adapter import ReplicateProvider
from generation.rules import retries
from generation.rules.values import CriticAnswer, DimensionScore, Usage
from generation.studio.critic import LocalCritic

Plan = dict[str, Any]
# Waiting times of the engine that are divided by the pace of a test, by module.
WAITS = {
    "generation.engine.conductor": (
        "LEASE_SECONDS",
        "RENEW_SECONDS",
        "LEASE_MARGIN_SECONDS",
        "SLEEP_SECONDS",
        "HEARTBEAT_SECONDS",
        "SWEEP_SECONDS",
        "SWEEP_AGAIN_SECONDS",
        "SUBMIT_TIMEOUT_SECONDS",
    ),
    "generation.engine.sender": ("SUBMIT_TIMEOUT_SECONDS", "CANCEL_TIMEOUT_SECONDS"),
    "generation.engine.poller": ("POLL_TIMEOUT_SECONDS",),
    "generation.engine.doubts": ("FIND_TIMEOUT_SECONDS",),
    "generation.engine.circuit": ("PAUSE_SECONDS", "LONGEST_PAUSE_SECONDS"),
    "generation.engine.endings": ("DOUBT_SECONDS",),
    "generation.engine.outcomes": ("SUBMIT_LEASE_SECONDS", "UNWRITABLE_SECONDS", "LONGEST_BACK_OFF"),
    "generation.engine.mirror": ("FETCH_LEASE_SECONDS",),
    "generation.engine.scoring": ("SCORE_LEASE_SECONDS",),
    "generation.engine.follow_up": ("HOLD_SECONDS",),
    "generation.rules.retries": ("BACKOFF_BASE_SECONDS", "BACKOFF_CAP_SECONDS", "POLL_CAP_SECONDS"),
    "generation.engine.throttle": ("RECOVERY_SECONDS",),
}


class Crashes:
    """A plan in force in this process."""

    def __init__(self, *, folder: Path, plan: dict[str, Plan]) -> None:
        self.folder = folder
        self.plan = plan

    def at(self, point: str) -> None:
        """End this process here, if the plan says so."""
        wanted = self.plan.get(point)
        if wanted is None or random.random() >= wanted.get("probability", 1.0):
            return
        for number in range(wanted.get("times", 1)):
            try:
                os.close(os.open(self.folder / f"{point}.{number}", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any], *, before: str = "", after: str = "") -> Callable[..., Any]:
        """The function with a point before it, after it, or both."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self.at(before)
            answer = function(*args, **kwargs)
            self.at(after)
            return answer

        return call

    def arm(self) -> None:
        """Put every point in its place."""
        create: Any = ReplicateProvider._create

        async def create_with_points(*args: Any) -> Any:
            self.at("before_post")
            answer = await create(*args)
            self.at("after_post")
            return answer

        fetch: Any = ReplicateProvider.fetch

        def fetch_with_points(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            for chunk in fetch(*args, **kwargs):
                self.at("during_fetch")
                yield chunk

        ReplicateProvider._create = create_with_points  # type: ignore[method-assign,assignment]
        ReplicateProvider.fetch = fetch_with_points  # type: ignore[method-assign]
        claude: Any = Claude
        claude._send = self.around(claude._send, before="before_answer", after="after_answer")
        outcomes.record_submissions = self.around(outcomes.record_submissions, after="after_save")
        prepare = self.around(mirror.images.prepare, before="after_download", after="after_renditions")
        mirror.images.prepare = prepare
        mirror._store_once = self.around(mirror._store_once, after="after_store")
        scoring._ask_critic = self.around(scoring._ask_critic, before="before_score", after="after_score")
        steps.score_image = self.around(steps.score_image, after="after_ready")
        follow_up._close_chapter = self.around(follow_up._close_chapter, before="before_follow_up")


def judge_quickly() -> None:
    """A critic that likes everything: where many pictures are made, measuring them is not what is tested."""
    names = ("composition", "relevance", "coherence", "mood_match")
    answer = CriticAnswer({name: DimensionScore(8.0, "Clear.") for name in names}, Usage("local", "quick"), "quick")
    LocalCritic.score = lambda critic, request: answer  # type: ignore[method-assign,assignment]


def hurry(pace: float) -> None:
    """Divide the engine's waits by `pace`, so that a test need not sit through real ones."""
    for module_name, names in WAITS.items():
        module = importlib.import_module(module_name)
        for name in names:
            setattr(module, name, getattr(module, name) / pace)
    # a pool looks after its dead children every five seconds
    AsynPool.timers = property(lambda pool: {pool.maintain_pool: 5.0 / pace})
    wait = retries.wait_before_poll
    retries.wait_before_poll = lambda **arguments: wait(**arguments) / pace
