"""The demo workspace: a finished campaign, one in review, one ready to run. Made once, by the real engine."""

from review.demo.workspace import DEMO_ACCOUNTS, DemoAccount, make_demo

__all__ = ["DEMO_ACCOUNTS", "DemoAccount", "make_demo"]
