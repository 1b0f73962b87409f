"""Static files with a hash in their name, compressed once, cached for ever."""

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
