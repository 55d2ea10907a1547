"""Read when a certificate ends: the one field of X.509 that the doctor needs (RFC 5280, 4.1).

The standard library verifies certificates and tells nothing of our own, so the few bytes of DER on
the way to `notAfter` are walked here.
"""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

_SEQUENCE, _VERSION, _UTC_TIME, _LONG = 0x30, 0xA0, 0x17, 0x80
_FIRST = "-----BEGIN CERTIFICATE-----"
_LAST = "-----END CERTIFICATE-----"


class CertificateError(ValueError):
    """The file is no certificate in PEM."""


def ends_at(path: Path) -> int:
    """Return when the first certificate of a file ends, in unix seconds.

    Raises `CertificateError`, and `OSError` when the file cannot be read.
    """
    text = path.read_text(encoding="ascii", errors="replace")
    body = text[text.find(_FIRST) : text.find(_LAST) + len(_LAST)]
    try:
        return _not_after(ssl.PEM_cert_to_DER_cert(body))
    except (ValueError, IndexError) as error:
        raise CertificateError(f"{path} holds no certificate in PEM: {error}") from error


def _not_after(der: bytes) -> int:
    _, signed, _ = _item(_inside(der))
    kind, _, rest = _item(signed)
    fields = rest if kind == _VERSION else signed
    for _ in ("serial number", "signature", "issuer"):
        _, _, fields = _item(fields)
    _, validity, _ = _item(fields)
    _, _, after = _item(validity)
    kind, moment, _ = _item(after)
    digits = moment.decode("ascii")
    # Two digits of a year stand for 1950 to 2049 (RFC 5280, 4.1.2.5.1).
    century = ("19" if digits[:2] >= "50" else "20") if kind == _UTC_TIME else ""
    found = datetime.strptime(century + digits.replace("Z", "+0000"), "%Y%m%d%H%M%S%z")
    return int(found.timestamp())


def _inside(der: bytes) -> bytes:
    kind, body, _ = _item(der)
    if kind != _SEQUENCE:
        raise ValueError("it does not begin as one")
    return body


def _item(data: bytes) -> tuple[int, bytes, bytes]:
    """Return kind and content of the first item, and what follows it."""
    size, start = data[1], 2
    if size >= _LONG:
        start += size - _LONG
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        raise ValueError("it is cut off")
    return data[0], data[start : start + size], data[start + size :]
