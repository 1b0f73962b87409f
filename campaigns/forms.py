"""What people type about brands and members, checked and put into the shape of the models."""

import re
from typing import Any

from django import forms
from django.db import transaction
from django.utils import timezone

from campaigns.models import BrandKit, Membership, PromptRule, User

COLOUR = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{3})")
MOST_COLOURS, MOST_WORDS, MOST_RULES = 12, 20, 40


class ListField(forms.CharField):
    """Several short texts in one box, separated by `separator` (a pattern); cleans to a list without doubles."""

    def __init__(self, *, separator: str, most: int, longest: int, joiner: str, **options: Any) -> None:
        self.separator = re.compile(separator)
        self.most, self.longest, self.joiner = most, longest, joiner
        super().__init__(required=False, **options)

    def prepare_value(self, value: Any) -> Any:
        return self.joiner.join(map(str, value)) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        parts = [" ".join(part.split()) for part in self.separator.split(super().clean(value) or "")]
        found = list(dict.fromkeys(part for part in parts if part))
        if len(found) > self.most:
            raise forms.ValidationError(f"These are {len(found)}; at most {self.most} fit.")
        for part in found:
            if len(part) > self.longest:
                raise forms.ValidationError(f"“{part[:40]}…” is longer than {self.longest} characters.")
        return found


class BrandKitForm(forms.ModelForm):
    """Name, palette, mood, what never appears, and the rules that every prompt obeys."""

    palette = ListField(
        separator=r"[,;\s]+",
        most=MOST_COLOURS,
        longest=7,
        joiner=", ",
        help_text="Colours as #rrggbb, separated by commas.",
        widget=forms.TextInput(attrs={"placeholder": "#0b1f3a, #e8b04b", "spellcheck": "false"}),
    )
    mood = ListField(
        separator=r"[,;\n]+",
        most=MOST_WORDS,
        longest=40,
        joiner=", ",
        help_text="Words such as calm, warm, precise.",
        widget=forms.TextInput(),
    )
    negatives = ListField(
        separator=r"[,;\n]+",
        most=MOST_WORDS,
        longest=60,
        joiner=", ",
        label="Never in the picture",
        help_text="Separated by commas.",
        widget=forms.TextInput(),
    )
    rules = ListField(
        separator=r"[\r\n]+",
        most=MOST_RULES,
        longest=240,
        joiner="\n",
        label="Prompt rules",
        help_text="One sentence a line. Every prompt of this brand obeys them.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    class Meta:
        model = BrandKit
        fields = ("name", "palette", "mood", "negatives")

    def __init__(self, *args: Any, by: User, **options: Any) -> None:
        self.by = by
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["rules"] = [rule.text for rule in self._accepted()]

    def clean_palette(self) -> list[str]:
        colours = [colour.lower() for colour in self.cleaned_data["palette"]]
        for colour in colours:
            if not COLOUR.fullmatch(colour):
                raise forms.ValidationError(f"“{colour}” is not a colour. Write it as #rrggbb, such as #0b1f3a.")
        return [colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:]) for colour in colours]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        same = BrandKit.objects.filter(workspace_id=self.instance.workspace_id, name__iexact=name)
        if same.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Another brand kit has this name already.")
        return name

    @transaction.atomic
    def save(self, commit: bool = True) -> BrandKit:
        """The kit and its rules: a line that is gone is declined, a new one is accepted, both on record."""
        kit = super().save(commit)
        wanted = self.cleaned_data["rules"]
        decided = {"decided_by": self.by, "decided_at": timezone.now()}
        kept = set()
        for rule in self._accepted():
            if rule.text in wanted:
                kept.add(rule.text)
            else:
                PromptRule.objects.filter(pk=rule.pk).update(state=PromptRule.State.DECLINED, **decided)
        PromptRule.objects.bulk_create(
            PromptRule(brand_kit=kit, text=text, **decided) for text in wanted if text not in kept
        )
        return kit

    def _accepted(self) -> list[PromptRule]:
        return list(PromptRule.objects.filter(brand_kit=self.instance, state=PromptRule.State.ACCEPTED).order_by("pk"))


class YouForm(forms.ModelForm):
    """What a person settles for themselves."""

    class Meta:
        model = User
        fields = ("name", "wants_email")
        labels = {"wants_email": "Mail me as well"}
        help_texts = {
            "name": "As colleagues see it; they call you by it with @.",
            "wants_email": "When somebody calls me with @, or asks me to look at images. The inbox has it either way.",
        }

    def clean_name(self) -> str:
        return " ".join(
            "".join(letter if letter.isprintable() else " " for letter in self.cleaned_data["name"]).split()
        )


class RoleForm(forms.ModelForm):
    """A member's role."""

    class Meta:
        model = Membership
        fields = ("role",)
