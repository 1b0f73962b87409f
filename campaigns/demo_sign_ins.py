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


DEMO_SIGN_INS = (
    DemoSignIn(
        "Reviewer", "maya@loupe.example", "loupe-demo-maya", "Maya Lindqvist", "Maya turns a brief into pictures"
    ),
    DemoSignIn("Approver", "jonas@loupe.example", "loupe-demo-jonas", "Jonas Weber", "Jonas signs the finals"),
    DemoSignIn("Admin", "ines@loupe.example", "loupe-demo-ines", "Inês Duarte", "Inês keeps members, models and money"),
)
