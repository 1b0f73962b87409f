"""How a picture will look in every channel, before it is exported: the same frames, from its smallest rendition."""

from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import default_storage

from generation.models import Generation
from generation.pictures.images import ImageRejected, open_still
from review.exports.renditions import CHANNELS, Frame, frame_for

KEEP_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class ChannelPreview:
    """One channel for the page. `x`, `y`: CSS object-position in per cent; `ground`: two colours or none."""

    name: str
    label: str
    use: str
    width: int
    height: int
    x: float
    y: float
    ground: tuple[str, ...]
    cut: int  # per cent of the picture's area that the crop leaves out

    @property
    def aspect(self) -> float:
        """Width by height."""
        return self.width / self.height


def channel_previews(generation: Generation) -> list[ChannelPreview]:
    """Every channel that changes the picture's shape or size; [] where no rendition can be read."""
    frames = cache.get_or_set(f"frames:{generation.sha256}", lambda: _frames(generation), KEEP_SECONDS)
    by_name = {channel.name: channel for channel in CHANNELS}
    return [
        ChannelPreview(
            name=name,
            label=by_name[name].label,
            use=by_name[name].use,
            width=frame.width,
            height=frame.height,
            x=frame.position[0],
            y=frame.position[1],
            ground=frame.ground,
            cut=round(100 * (1 - (frame.right - frame.left) * (frame.bottom - frame.top))),
        )
        for name, frame in (frames or {}).items()
    ]


def _frames(generation: Generation) -> dict[str, Frame]:
    if not generation.renditions or not generation.image_width or not generation.image_height:
        return {}
    smallest = generation.renditions[str(min(map(int, generation.renditions)))]
    try:
        with default_storage.open(smallest, "rb") as file:
            image, _ = open_still(file.read(), max_pixels=settings.LOUPE_MAX_PIXELS)
    except (OSError, ImageRejected):
        return {}
    return {
        channel.name: frame_for(
            image=image, channel=channel, width=generation.image_width, height=generation.image_height
        )
        for channel in CHANNELS
        if channel.width
    }
