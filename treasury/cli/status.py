"""`status`: everything that matters, at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from treasury.cli.api import GLANCE
from treasury.cli.screen import ago, brief, clock, fields, plain, table

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_WAITING = {
    "refills": ("PROPOSED", "APPROVED", "RELEASED"),
    "transfers": ("QUEUED", "IN_FLIGHT", "MINED"),
    "withdrawals": ("ACCEPTED", "HELD", "QUEUED"),
    "motions": ("PROPOSED",),
}


def show(call: Call) -> None:
    """Print the status."""
    found = call.api.get("/v1/status", roles=GLANCE)
    call.show(found, list(_lines(found, int(found.get("now", call.now)))))


def _lines(found: Json, now: int) -> Iterator[str]:
    yield f"Treasury at {clock(now)}"
    yield from fields(
        [
            ("exposure", _exposure(found["exposure"], now)),
            ("signer", _signer(found["signer"])),
            ("journal", f"{found['journal']['entries']} lines"),
            ("last drill", _drill(found.get("drill", {}), now)),
        ]
    )
    if found.get("profile") == "development":
        yield "WARNING   development profile: soft tokens and play money only"
    for waiver in found["signer"].get("waivers", []):
        if not str(waiver).startswith("token "):  # the line above speaks of soft tokens
            yield f"WAIVED    {plain(waiver)}"
    for finding in found.get("findings", []):
        yield f"DOCTOR    {plain(finding)}"
    for trouble in found.get("trouble", []):
        what = f"{trouble['subject']} ({trouble['kind']}): {trouble['text']}"
        yield f"TROUBLE   {plain(what)}"
    yield ""
    yield from table(["CHAIN", "HEAD", "FINAL", "SEEN"], map(_chain, found["chains"]))
    yield ""
    rows = [row for pool in found["pools"] for row in _pool(pool)]
    headings = ["POOL", "ACTIVE", "BALANCE", "FLOOR", "TARGET", "CAP", "RUNWAY", "STANDING"]
    yield from table(headings, rows)
    yield ""
    yield from fields((kind, _count(found["counts"], kind)) for kind in _WAITING)


def _exposure(found: Json, now: int) -> str:
    if found["state"] == "RUNNING":
        return "RUNNING"
    return f"{found['state']} {ago(found['since'], now)}: {found['why']}"


def _drill(found: Json, now: int) -> str:
    if found.get("at") is None:
        return "never: treasuryd drill"
    return f"{found['kind']}, {ago(found['at'], now)}"


def _signer(found: Json) -> str:
    frozen = ", FROZEN" if found.get("frozen") else ""
    return f"{found['health']}{frozen}, book entry {found['book_seq'] or '-'}"


def _chain(found: Json) -> tuple[object, ...]:
    seen = f"{found['age_s']} s ago" if found.get("at") is not None else "never"
    if not found["ok"]:
        seen = f"{seen}, FAILED: {found['error']}"
    return found["name"], found.get("head"), found.get("final"), seen


def _pool(pool: Json) -> Iterator[tuple[object, ...]]:
    for asset in pool["assets"]:
        yield (
            pool["name"],
            pool["active"] or "none",
            brief(asset["balance_text"]),
            brief(asset["floor_text"]),
            brief(asset["target_text"]),
            brief(asset["cap_text"]),
            brief(asset.get("runway_text", "-")),
            asset["standing"].upper() if asset["standing"] != "in band" else "in band",
        )


def _count(counts: Json, kind: str) -> str:
    found = counts.get(kind, {})
    waiting = [f"{found[s]} {s.lower()}" for s in _WAITING[kind] if found.get(s)]
    return ", ".join(waiting) if waiting else "none waiting"
