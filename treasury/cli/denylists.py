"""`denylist`: load address lists that others publish, and see which are in force."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from policies.address_lists import read_address_list
from treasury.cli.api import HALT
from treasury.cli.exits import BAD_DATA, CommandError
from treasury.cli.screen import past, plain, table

if TYPE_CHECKING:
    from treasury.cli.main import Call

_PART = 1_000
_HEADINGS = ("NAME", "DATED", "ADDRESSES", "LOADED", "SOURCE")
_MOST_BYTES = 50_000_000


def list_all(call: Call) -> None:
    """Print the lists in force."""
    found = call.api.get("/v1/denylists")["denylists"]
    rows = [
        (o["name"], o["dated"], o["addresses"], past(o["loaded_at"], call.now), o["source"])
        for o in found
    ]
    call.show(found, table(_HEADINGS, rows) if rows else ["no lists: the law alone denies"])


def load(call: Call) -> None:
    """Read a file here and hand it over part by part; nothing is in force before the last."""
    arguments = call.arguments
    data = _read(Path(arguments.file))
    listed = read_address_list(data.decode("utf-8", errors="replace"))
    if listed.problems and not arguments.skip_bad:
        problems = "; ".join(listed.problems[:3])
        raise CommandError(BAD_DATA, f"{arguments.file}: {problems} (--skip-bad leaves them out)")
    if not listed.addresses:
        raise CommandError(BAD_DATA, f"{arguments.file} holds no address")
    answer: dict[str, Any] = {}
    for start in range(0, len(listed.addresses), _PART):
        part = {
            "source": arguments.source,
            "dated": arguments.dated,
            "sha256": hashlib.sha256(data).hexdigest(),
            "count": len(listed.addresses),
            "addresses": list(listed.addresses[start : start + _PART]),
        }
        answer = call.api.post(f"/v1/denylists/{quote(arguments.name, safe='')}", part, HALT)
    text = f"{answer['addresses']} addresses of {answer['name']} ({answer['dated']}) are denied"
    call.show(answer, [plain(text), *(f"left out: {plain(p)}" for p in listed.problems)])


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(BAD_DATA, f"{path} cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise CommandError(BAD_DATA, f"{path} is larger than {_MOST_BYTES} bytes")
    return data
