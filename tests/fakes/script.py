"""Rules by which a test makes a fake misbehave: on which call, for whom, how often.

A rule is a JSON object: `on` names the call, `fault` what happens, `times` how often (1 unless told; null: always),
`prompt` and `model` are regular expressions it is limited to; everything else belongs to the fault.
"""

import re
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Rule:
    """One entry of the script, with how often it is still to be used."""

    on: str
    fault: str
    times: int | None = 1
    prompt: str = ""
    model: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, content: dict[str, Any]) -> "Rule":
        """From JSON. Raises KeyError without `on` or `fault`."""
        known = {name: content[name] for name in ("on", "fault", "times", "prompt", "model") if name in content}
        options = {name: value for name, value in content.items() if name not in known}
        return cls(**{"on": content["on"], "fault": content["fault"], **known}, options=options)


class Script:
    """The rules in force, first match first."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def take(self, on: str, *, prompt: str = "", model: str = "") -> Rule | None:
        """The first rule for this call; it is used up by one."""
        for rule in self.rules:
            if rule.on != on or rule.times == 0:
                continue
            if rule.prompt and not re.search(rule.prompt, prompt, re.IGNORECASE):
                continue
            if rule.model and not re.search(rule.model, model):
                continue
            if rule.times is not None:
                rule.times -= 1
            return rule
        return None
