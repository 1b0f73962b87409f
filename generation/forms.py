"""What people type and drop to have pictures made, checked before anything is kept or sent."""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID, uuid4, uuid5

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from campaigns.briefs import BriefError, Import, Limits, read_brief, read_upload
from campaigns.models import BrandKit, Campaign, Shot, Workspace
from generation import catalogue
from generation.catalogue.providers import IMAGE_PROVIDERS
from generation.pictures.images import ImageRejected
from generation.planning.intake import shot_of_post
from generation.planning.planning import SIZES, nearest_ratio
from generation.planning.references import CleanReference, check_reference
from generation.providers import registry

MOST_REFERENCES = 8
MOST_PROMPT_CHARACTERS = 4000
MOST_DESCRIPTION_CHARACTERS = 10_000
MOST_UPLOAD_BYTES = 10_000_000
# What a picture can be made with from words alone.
FROM_WORDS = frozenset(
    {catalogue.Ability.TEXT, catalogue.Ability.PHOTOREAL, catalogue.Ability.DRAFT, catalogue.Ability.ILLUSTRATION}
)
RATIO_NAMES = {
    "16:9": "16:9 landscape",
    "3:2": "3:2 landscape",
    "4:3": "4:3 landscape",
    "5:4": "5:4 landscape",
    "1:1": "1:1 square",
    "4:5": "4:5 portrait",
    "3:4": "3:4 portrait",
    "2:3": "2:3 portrait",
    "9:16": "9:16 story",
    "21:9": "21:9 banner",
}


class SeveralFilesInput(forms.ClearableFileInput):
    """A file field that takes several at once."""

    allow_multiple_selected = True
    template_name = "django/forms/widgets/file.html"

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return files.getlist(name) if hasattr(files, "getlist") else files.get(name)


class PicturesField(forms.FileField):
    """Reference pictures: verified and encoded anew. Cleans to CleanReferences; each problem names its file."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[CleanReference]:
        files = [file for file in (data if isinstance(data, list | tuple) else [data]) if file]
        if len(files) > MOST_REFERENCES:
            raise forms.ValidationError(f"These are {len(files)} pictures; a campaign takes up to {MOST_REFERENCES}.")
        problems, pictures = [], []
        for file in files:
            try:
                pictures.append(_check_picture(file))
            except ImageRejected as error:
                problems.append(f"{_short_name(file)}: {error}")
        if problems:
            raise forms.ValidationError(problems)
        return pictures


def _check_picture(file: UploadedFile) -> CleanReference:
    most = settings.LOUPE_MAX_REFERENCE_BYTES
    if (file.size or 0) > most:
        raise ImageRejected(f"It is larger than {most / 1_000_000:.0f} MB. Export it smaller.", "too_large")
    return check_reference(content=file.read(), name=file.name or "")


def _short_name(file: UploadedFile) -> str:
    name = PurePath(file.name or "The picture").name
    return name if len(name) <= 40 else f"{name[:36]}…"


class FormKeyField(forms.UUIDField):
    """What tells a form that is sent twice. What is no key is none: what was written counts, not what it is called."""

    def to_python(self, value: Any) -> Any:
        """The key; None for anything else."""
        try:
            return super().to_python(value)
        except forms.ValidationError:
            return None


class NewCampaignForm(forms.Form):
    """A brief or a file, and the rules of the campaign. `shots`, `brief` and `source` are read off it when valid."""

    brief = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 9, "placeholder": "What is it for, whom does it speak to, which shots are needed?"}
        ),
    )
    upload = forms.FileField(
        required=False,
        label="File",
        widget=forms.FileInput(attrs={"accept": ".json,.csv,.tsv,.txt,.md,application/json,text/csv,text/plain"}),
    )
    references = PicturesField(
        required=False,
        label="Product pictures",
        widget=SeveralFilesInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    title = forms.CharField(required=False, max_length=160, help_text="Left empty, it is taken from the brief.")
    ticket = forms.CharField(required=False, max_length=40)
    due_on = forms.DateField(required=False, label="Due", widget=forms.DateInput(attrs={"type": "date"}))
    brand_kit = forms.ModelChoiceField(queryset=BrandKit.objects.none(), required=False, empty_label="None")
    budget = forms.DecimalField(
        required=False,
        min_value=Decimal(0),
        max_digits=9,
        decimal_places=2,
        help_text="USD for the whole campaign. Left empty, the workspace's budget binds.",
    )
    bar = forms.DecimalField(
        min_value=Decimal(1),
        max_value=Decimal(10),
        max_digits=3,
        decimal_places=1,
        initial=Decimal("7.0"),
        help_text="An average below it is tried again.",
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )
    max_attempts = forms.IntegerField(
        min_value=1, max_value=10, initial=3, label="Attempts", help_text="Then a person decides."
    )
    form_key = FormKeyField(required=False, initial=uuid4, widget=forms.HiddenInput)
    requires_human_pick = forms.BooleanField(
        required=False,
        label="A person picks every picture",
        help_text="Brand-strict, sensitive, or real people: nothing is promoted on its own.",
    )
    independent_first_look = forms.BooleanField(
        required=False,
        label="Independent first look",
        help_text="Scores and colleagues' verdicts stay hidden until one's own verdict is in.",
    )

    def __init__(self, *args: Any, workspace: Workspace, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["brand_kit"].queryset = BrandKit.objects.filter(workspace=workspace).order_by("name")  # type: ignore[attr-defined]
        self.shots: list[dict[str, Any]] = []
        self.notices: tuple[str, ...] = ()
        self.source: str = Campaign.Source.BRIEF

    def clean_form_key(self) -> UUID | None:
        """One for each thing that is sent: what was changed on a page gone back to is a campaign of its own."""
        drawn: UUID | None = self.cleaned_data["form_key"]
        typed = sorted((name, value) for name, value in self.data.lists() if name != "csrfmiddlewaretoken")  # type: ignore[attr-defined]
        files = sorted((name, file.name, file.size) for name, several in self.files.lists() for file in several)
        return drawn and uuid5(drawn, repr((typed, files)))

    def clean_due_on(self) -> date | None:
        due_on: date | None = self.cleaned_data["due_on"]
        if due_on and due_on < timezone.localdate():
            raise forms.ValidationError("This day has passed.")
        return due_on

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        pasted, upload = cleaned.get("brief", ""), cleaned.get("upload")
        if pasted.strip() and "brief" not in self.errors:
            self._read("brief", lambda: self._take_brief(pasted))
        if upload:
            self._read("upload", lambda: self._take_upload(upload, pasted=bool(pasted.strip())))
        elif not pasted.strip() and not {"brief", "upload"} & self.errors.keys():
            self.add_error("brief", "Paste a brief here, or drop posts.json, a CSV or a text file below.")
        return self.cleaned_data

    def _read(self, field: str, read: Any) -> None:
        try:
            read()
        except BriefError as error:
            self.add_error(field, forms.ValidationError(list(error.problems)))

    def _take_brief(self, text: str) -> None:
        self.cleaned_data["brief"] = read_brief(text, max_bytes=settings.LOUPE_MAX_BRIEF_BYTES)

    def _take_upload(self, upload: UploadedFile, *, pasted: bool) -> None:
        if (upload.size or 0) > MOST_UPLOAD_BYTES:
            raise BriefError(f"The file is larger than {MOST_UPLOAD_BYTES // 1_000_000} MB. Split it into several.")
        limits = Limits(
            max_brief_bytes=settings.LOUPE_MAX_BRIEF_BYTES,
            most_posts=settings.LOUPE_MAX_SHOTS,
            max_file_bytes=MOST_UPLOAD_BYTES,
        )
        name = PurePath(upload.name or "").name
        found = read_upload(name, upload.read(), limits)
        if isinstance(found, Import):
            self._take_posts(found, name=name)
        elif pasted:
            raise BriefError("There is a pasted brief and a brief in this file. Keep one of them.")
        else:
            self.cleaned_data["brief"] = found

    def _take_posts(self, found: Import, *, name: str) -> None:
        problems = []
        for post in found.posts:
            try:
                self.shots.append(shot_of_post(post))
            except catalogue.UnknownModel as error:
                problems.append(f"“{post.title}”: {error}")
        if problems:
            shown = [*problems[:10], *([f"And {len(problems) - 10:,} more."] if len(problems) > 10 else [])]
            raise BriefError("Nothing was imported.", problems=shown)
        self.notices = found.notices
        self.source = Campaign.Source.POSTS if name.lower().endswith(".json") else Campaign.Source.TABLE
        stem = PurePath(name).stem.replace("-", " ").replace("_", " ").strip()
        self.cleaned_data["title"] = self.cleaned_data.get("title") or stem[:160].capitalize()


def model_choices(*, keep: str = "") -> list[tuple[str, list[catalogue.CatalogueModel]]]:
    """The models that can be asked for a new picture, by provider; `keep` stays in the list whatever became of it."""
    groups: dict[str, list[catalogue.CatalogueModel]] = {}
    for model, reason in registry.listed_models():
        usable = not reason and bool(model.abilities & FROM_WORDS)
        if usable or model.key == keep:
            groups.setdefault(model.provider, []).append(model)
    return [(IMAGE_PROVIDERS[name].label, models) for name, models in groups.items()]


class ShotForm(forms.ModelForm):
    """One card of the plan. `model` "" lets the router choose; `ratio` "" keeps the size that is no named ratio."""

    ratio = forms.ChoiceField(required=False, label="Size")
    model = forms.CharField(required=False, max_length=120)

    class Meta:
        model = Shot
        fields = ("title", "description", "kind", "mood", "prompt", "negative_prompt", "wants_text")
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2, "maxlength": MOST_DESCRIPTION_CHARACTERS}),
            "prompt": forms.Textarea(attrs={"rows": 5, "maxlength": MOST_PROMPT_CHARACTERS}),
            "negative_prompt": forms.Textarea(attrs={"rows": 2, "maxlength": MOST_PROMPT_CHARACTERS}),
        }
        labels = {"wants_text": "Legible words in the picture", "negative_prompt": "Never in the picture"}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.was_model = self.instance.model
        current = ratio_of(self.instance)
        choices = [(name, f"{label}, {SIZES[name][0]} × {SIZES[name][1]}") for name, label in RATIO_NAMES.items()]
        if not current:
            choices.insert(0, ("", f"{self.instance.width} × {self.instance.height}"))
        self.fields["ratio"].choices = choices  # type: ignore[attr-defined]
        self.initial["ratio"] = current
        self.initial["model"] = self.instance.model if self.instance.model_overridden else ""
        self.fields["kind"].label = "Kind"
        self.fields["wants_text"].help_text = ""
        self.fields["prompt"].max_length = MOST_PROMPT_CHARACTERS  # type: ignore[attr-defined]

    def clean_prompt(self) -> str:
        return _within(self.cleaned_data["prompt"], MOST_PROMPT_CHARACTERS)

    def clean_negative_prompt(self) -> str:
        return _within(self.cleaned_data["negative_prompt"], MOST_PROMPT_CHARACTERS)

    def clean_description(self) -> str:
        return _within(self.cleaned_data["description"], MOST_DESCRIPTION_CHARACTERS)

    def clean_model(self) -> str:
        key: str = self.cleaned_data["model"]
        known = {model.key for _, models in model_choices(keep=self.was_model) for model in models}
        if key and key not in known:
            raise forms.ValidationError("This model cannot be asked here. Choose another one.")
        return key

    def changes(self) -> dict[str, Any]:
        """What `shot_plan.change_shot` takes."""
        cleaned = dict(self.cleaned_data)
        ratio = cleaned.pop("ratio")
        if ratio:
            cleaned["width"], cleaned["height"] = SIZES[ratio]
        return cleaned


def ratio_of(shot: Shot) -> str:
    """The named ratio whose very size the shot has, "" where it has its own."""
    if not shot.width or not shot.height:
        return ""
    name = nearest_ratio(width=shot.width, height=shot.height)
    return name if SIZES[name] == (shot.width, shot.height) else ""


def _within(text: str, most: int) -> str:
    if len(text) > most:
        raise forms.ValidationError(f"This is {len(text):,} characters long; {most:,} is the limit.")
    return text


class NewShotForm(forms.Form):
    """One more shot."""

    title = forms.CharField(max_length=160)
    description = forms.CharField(
        required=False, max_length=MOST_DESCRIPTION_CHARACTERS, widget=forms.Textarea(attrs={"rows": 2})
    )
    kind = forms.ChoiceField(choices=Shot.Kind.choices, initial=Shot.Kind.OTHER)
    ratio = forms.ChoiceField(choices=list(RATIO_NAMES.items()), initial="16:9", label="Shape")

    def shot(self) -> dict[str, Any]:
        """The fields of a Shot."""
        width, height = SIZES[self.cleaned_data["ratio"]]
        return {
            "title": self.cleaned_data["title"],
            "description": self.cleaned_data["description"],
            "kind": self.cleaned_data["kind"],
            "width": width,
            "height": height,
        }


class BudgetForm(forms.Form):
    """A limit in USD; 0 is one too."""

    limit = forms.DecimalField(min_value=Decimal(0), max_digits=9, decimal_places=2, label="Budget")


class TermsForm(forms.Form):
    """What the brief says about ticket, date and money, for a person to correct and take over."""

    ticket = forms.CharField(required=False, max_length=40)
    due_on = forms.DateField(required=False, label="Due", widget=forms.DateInput(attrs={"type": "date"}))
    budget = forms.DecimalField(
        required=False, min_value=Decimal(0), max_digits=9, decimal_places=2, label="Budget, USD"
    )

    def keep_only(self, names: Collection[str]) -> None:
        """Ask for no more than these."""
        for name in [name for name in self.fields if name not in names]:
            del self.fields[name]


class ReferencesForm(forms.Form):
    """Product pictures for a campaign that exists."""

    references = PicturesField(label="Product pictures")

    def clean_references(self) -> Sequence[CleanReference]:
        pictures: list[CleanReference] = self.cleaned_data["references"]
        if not pictures:
            raise forms.ValidationError("Choose a picture first.")
        return pictures
