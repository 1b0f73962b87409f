"""Static files with a hash in their name, compressed once, cached for ever."""

from functools import lru_cache

from django.conf import settings
from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage


def _without_source_maps(patterns: tuple) -> tuple:
    """Django's rewriting rules less those for source maps: vendored files name maps that are not shipped."""
    return tuple(
        (extension, tuple(rule for rule in rules if "sourceMappingURL" not in str(rule)))
        for extension, rules in patterns
    )


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage, content with vendored files whose source map is left out."""

    patterns = _without_source_maps(HashedFilesMixin.patterns)

    def url(self, name: str | None, force: bool = False) -> str:
        """The address of a file, worked out once a process: a page names forty of them."""
        if settings.DEBUG or force or name is None:
            return str(super().url(name, force))
        return self._known_url(name)

    @lru_cache(maxsize=1024)  # noqa: B019  # one storage a process
    def _known_url(self, name: str) -> str:
        return str(super().url(name))
