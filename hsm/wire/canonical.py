"""Canonical JSON: ASCII, sorted keys, no white space. Written by the wire and into the book.

The library's `encode` makes its encoder in C anew for every document, which costs as much as a
short document does; here it is made once. Documents hold only objects, lists and strings.
"""

from __future__ import annotations

from json import encoder
from typing import Any

_ENCODER: Any = encoder.c_make_encoder(  # type: ignore[attr-defined] # in the library, not in its types
    None, None, encoder.encode_basestring_ascii, None, ":", ",", True, False, False
)


def to_text(document: object) -> str:
    """Return the canonical JSON of a document of strings, lists and objects."""
    return "".join(_ENCODER(document, 0))
