"""What an exported picture says of itself: the XMP packet with the IPTC fields. Pure: no models, no clock.

Fields and names: IPTC Photo Metadata Standard 2025.1, PLUS LDF 2.0.1, XMP part 1. The prompt
and people's names are left out unless somebody asked for them: they are business, not provenance.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from xml.sax.saxutils import escape

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
ALGORITHMIC = SOURCE_TYPES + "algorithmicMedia"
TRAINED = SOURCE_TYPES + "trainedAlgorithmicMedia"
COMPOSITE = SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"
NO_TRAINING = "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-GENAIMLTRAINING"

_NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
}
# What XML 1.0 cannot hold, escaped or not.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class PictureMetadata:
    """The fields of one exported picture. Empty ones are left out; dates without a time are days."""

    title: str
    alt_text: str
    source_type: str
    system: str
    image_id: str
    ticket: str
    campaign: str
    credit: str
    keywords: tuple[str, ...]
    created_at: datetime
    signed_at: datetime
    tool: str
    system_version: str = ""
    usage_terms: str = ""
    licence_from: date | None = None
    licence_until: date | None = None
    data_mining: str = NO_TRAINING
    # opt-in only
    prompt: str = ""
    prompt_writer: str = ""


def source_type(*, made_by_model: bool, on_photograph: bool) -> str:
    """The IPTC digital source type: a comp of the local studio is no output of a trained model and never says so."""
    if not made_by_model:
        return ALGORITHMIC
    return COMPOSITE if on_photograph else TRAINED


def usage_terms(*, licence_from: date | None, licence_until: date | None) -> str:
    """The licence window in words, "" where there is none."""
    if licence_from and licence_until:
        return f"May be used from {licence_from:%d %B %Y} until {licence_until:%d %B %Y}."
    if licence_until:
        return f"May be used until {licence_until:%d %B %Y}."
    return f"May be used from {licence_from:%d %B %Y}." if licence_from else ""


def xmp_packet(metadata: PictureMetadata) -> bytes:
    """The packet, UTF-8, read-only (no padding: nothing is to be changed in place)."""
    properties = [
        *_descriptive(metadata),
        *_rights(metadata),
        *_origin(metadata),
        _text("xmp:CreateDate", metadata.created_at.isoformat(timespec="seconds")),
        _text("xmp:ModifyDate", metadata.signed_at.isoformat(timespec="seconds")),
        _text("xmp:MetadataDate", metadata.signed_at.isoformat(timespec="seconds")),
        _text("xmp:CreatorTool", metadata.tool),
    ]
    namespaces = "".join(f'\n    xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items())
    body = "\n".join(f"   {line}" for line in properties if line)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        f'  <rdf:Description rdf:about=""{namespaces}>\n'
        f"{body}\n"
        "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n"
        '<?xpacket end="r"?>'
    ).encode()


def _descriptive(metadata: PictureMetadata) -> list[str]:
    return [
        _language("dc:title", metadata.title),
        _language("dc:description", metadata.alt_text),
        _listing("dc:subject", "Bag", metadata.keywords),
        _listing("dc:creator", "Seq", (metadata.credit,)),
        _language("Iptc4xmpCore:AltTextAccessibility", metadata.alt_text),
        _text("photoshop:Headline", metadata.campaign),
        _text("photoshop:Credit", metadata.credit),
        _text("photoshop:TransmissionReference", metadata.ticket),
    ]


def _rights(metadata: PictureMetadata) -> list[str]:
    return [
        _language("xmpRights:UsageTerms", metadata.usage_terms),
        _text("plus:LicenseStartDate", metadata.licence_from.isoformat() if metadata.licence_from else ""),
        _text("plus:LicenseEndDate", metadata.licence_until.isoformat() if metadata.licence_until else ""),
        _text("plus:DataMining", metadata.data_mining),
    ]


def _origin(metadata: PictureMetadata) -> list[str]:
    return [
        _text("Iptc4xmpExt:DigitalSourceType", metadata.source_type),
        _text("Iptc4xmpExt:AISystemUsed", metadata.system),
        _text("Iptc4xmpExt:AISystemVersionUsed", metadata.system_version),
        _text("Iptc4xmpExt:DigImageGUID", metadata.image_id),
        _text("Iptc4xmpExt:AIPromptInformation", metadata.prompt),
        _text("Iptc4xmpExt:AIPromptWriterName", metadata.prompt_writer),
    ]


def _clean(value: str) -> str:
    return escape(_UNWRITABLE.sub("", value).strip())


def _text(name: str, value: str) -> str:
    return f"<{name}>{_clean(value)}</{name}>" if _clean(value) else ""


def _language(name: str, value: str) -> str:
    if not _clean(value):
        return ""
    return f'<{name}><rdf:Alt><rdf:li xml:lang="x-default">{_clean(value)}</rdf:li></rdf:Alt></{name}>'


def _listing(name: str, kind: str, values: tuple[str, ...]) -> str:
    items = "".join(f"<rdf:li>{_clean(value)}</rdf:li>" for value in values if _clean(value))
    return f"<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>" if items else ""
