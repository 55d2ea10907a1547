"""`evidence export`: everything that a stranger needs to check this treasury offline."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from treasury.cli.api import HALT
from treasury.cli.incidents import write_new

if TYPE_CHECKING:
    from treasury.cli.main import Call


def export(call: Call) -> None:
    """Have the daemon make and seal an evidence file; write it to a folder."""
    made = call.api.post("/v1/evidence", {}, HALT)
    path = write_new(Path(call.arguments.out) / f"{made['name']}.json", made["json"])
    digest = hashlib.sha256(made["json"].encode()).hexdigest()
    told = (
        f"nobody signed its seal: {made['unsigned']}" if made["unsigned"] else "its seal is signed"
    )
    lines = [
        f"wrote {path}",
        f"SHA-256 {digest}; {told}",
        "check it anywhere: python tools/verify_evidence.py FILE --key CHECKPOINT_KEY",
    ]
    call.show({"file": path, "sha256": digest, "unsigned": made["unsigned"]}, lines)
