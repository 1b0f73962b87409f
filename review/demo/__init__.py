"""The demo workspace: a finished campaign, one in review, one ready to run. Made once, by the real engine."""

from review.demo.workspace import make_demo

__all__ = ["make_demo"]
