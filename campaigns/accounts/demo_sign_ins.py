"""The sign-ins of the demo workspace: everybody knows them, so they exist in a demo house only. Pure data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoSignIn:
    """One way in: `role` as the button says it, `words` what one comes for."""

    role: str
    email: str
    password: str
    name: str
    words: str


DEMO_PASSWORD = "loupe-demo"  # noqa: S105 - printed on the sign-in page of the demo
DEMO_SIGN_INS = (
    DemoSignIn("Reviewer", "maya@loupe.demo", DEMO_PASSWORD, "Maya Lind", "Maya turns a brief into pictures"),
    DemoSignIn("Approver", "jonas@loupe.demo", DEMO_PASSWORD, "Jonas Weber", "Jonas signs the finals"),
    DemoSignIn("Admin", "ada@loupe.demo", DEMO_PASSWORD, "Ada Okafor", "Ada keeps members, models and money"),
)
