"""That a picture was generated, as every file of ours says it (CONTRACT 7): XMP, by the IPTC's vocabulary.

https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia
"""

# Tested in tests/engine/test_metadata.py.

from __future__ import annotations

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

_DESCRIPTION = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    f"<Iptc4xmpExt:DigitalSourceType>{DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>"
    "{more}</rdf:Description></rdf:RDF>"
)


def description(more: str = "") -> str:
    """The RDF that says so; `more` are further properties, as XML."""
    return _DESCRIPTION.format(more=more)


def packet(rdf: str) -> bytes:
    """An XMP packet (ISO 16684-1, 7.3)."""
    text = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'{rdf}</x:xmpmeta><?xpacket end="r"?>'
    )
    return text.encode()
