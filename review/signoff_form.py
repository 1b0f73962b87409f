"""The checklist of a signature."""

from typing import Any

from django import forms

from generation.models import Generation
from review.services.signoff import LONGEST_ALT_TEXT, Disclosure

YES, NO = "yes", "no"


class SignOffForm(forms.Form):
    """Every answer is needed; the rules are those of `review.services.signoff.check_answers`."""

    alt_text = forms.CharField(
        label="Alt text",
        max_length=LONGEST_ALT_TEXT,
        help_text="What is to be seen, for people who cannot see it. It travels in the file.",
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Describe the picture for people who cannot see it."},
    )
    disclosure = forms.ChoiceField(
        label="AI origin is disclosed by",
        choices=Disclosure.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how the AI origin is disclosed."},
    )
    synthetic_performer = forms.ChoiceField(
        label="Does a synthetic person appear?",
        choices=[(NO, "No"), (YES, "Yes")],
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether a synthetic person appears in the picture."},
    )
    licence_from = forms.DateField(
        label="May be used from", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    licence_until = forms.DateField(
        label="until", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    brand_checked = forms.BooleanField(
        label="It fits the brand kit",
        error_messages={"required": "Compare the picture with the brand kit and tick the box."},
    )
    note = forms.CharField(label="Note", required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    seen_version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    confirmed_sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *args: Any, generation: Generation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if generation.campaign.brand_kit_id is None:
            del self.fields["brand_checked"]

    def answers(self) -> dict[str, Any]:
        """The keywords of `sign_off`."""
        data = dict(self.cleaned_data)
        data["synthetic_performer"] = data["synthetic_performer"] == YES
        data.setdefault("brand_checked", False)
        return data


class SendBackForm(forms.Form):
    """What is to change."""

    reason = forms.CharField(
        label="What is to change",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Say what is to change, so that the next version can be better."},
    )
    seen_version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
