"""Read what is to be signed from its terms alone, and say what does not fit.

Everything that a treasurer sees of terms is computed here from the terms and the law: sentence,
digest, amounts, names. What the daemon wrote beside them is compared, and one difference is
enough to refuse. The law is the treasurer's own copy when there is one (`--law`, TREASURY_LAW);
otherwise the daemon's, which is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.errors import ConfigError
from config.load import load_law
from policies.consent import (
    TermsError,
    describe_motion,
    describe_transfer,
    motion_digest,
    motion_from_json,
    payload_digest,
    transfer_digest,
    transfer_from_json,
)
from policies.law import Law, LawError, Profile, law_digest, law_from_canonical
from policies.terms import NATIVE, MotionTerms, Purpose, TransferTerms
from treasury.api.soundness import refill_faults
from treasury.cli.exits import BAD_DATA, CommandError

if TYPE_CHECKING:
    from treasury.cli.main import Call

Json = dict[str, Any]
_BYTES32 = 66
_UNPINNED = (
    "the law is as the daemon reports it: keep your own copy and pass it with --law or TREASURY_LAW"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLaw:
    """The law against which terms are read; `is_own` when it is the treasurer's own copy."""

    law: Law
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Terms as this program understands them.

    `sentence` is computed; each problem forbids to sign, a warning does not. `observed` is what
    the treasurer's own node says of the balances.
    """

    terms: TransferTerms | MotionTerms
    digest: bytes
    deployment: bytes
    known: KnownLaw
    sentence: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    observed: Json | None = None


def known_law(call: Call) -> KnownLaw:
    """Return the treasurer's own copy of the law, or the daemon's.

    Raises `CommandError` when neither can be used.
    """
    own = call.arguments.law or call.environment.law
    try:
        if own:
            return KnownLaw(law=load_law(Path(own)), is_own=True)
        answer = call.api.get("/v1/law")
        return KnownLaw(law=law_from_canonical(str(answer.get("text")).encode()), is_own=False)
    except (ConfigError, LawError) as error:
        raise CommandError(BAD_DATA, f"the law cannot be used: {error}") from error


def read_transfer(found: Json, known: KnownLaw, now: int) -> Reading:
    """Read a transfer's terms out of an answer. Raises `CommandError` when they are no terms."""
    try:
        terms = transfer_from_json(found.get("terms"))
    except TermsError as error:
        raise CommandError(BAD_DATA, f"the daemon sent no readable terms: {error}") from error
    deployment = deployment_of(found)
    reading = Reading(
        terms=terms,
        digest=transfer_digest(terms, deployment),
        deployment=deployment,
        known=known,
        sentence=describe_transfer(terms, known.law),
        problems=(),
        warnings=(*_warnings(known), *_look_alikes(terms, known.law)),
    )
    problems = [*_transfer_differences(found, reading), *_common_problems(found, reading, now)]
    if terms.purpose is Purpose.REFILL:
        faults = refill_faults(terms, known.law, now)
        problems += [f"the law forbids it: {f.text}" for f in faults if f.code != "wrong_sentence"]
    return replace(reading, problems=tuple(problems))


def read_motion(found: Json, known: KnownLaw, now: int) -> Reading:
    """Read a motion's terms out of an answer. Raises `CommandError` when they are no terms."""
    payload = found.get("payload")
    if not isinstance(payload, dict):
        raise CommandError(BAD_DATA, "the daemon sent no readable payload of the motion")
    try:
        terms = motion_from_json(found.get("terms"))
    except TermsError as error:
        raise CommandError(BAD_DATA, f"the daemon sent no readable terms: {error}") from error
    deployment = deployment_of(found)
    reading = Reading(
        terms=terms,
        digest=motion_digest(terms, deployment),
        deployment=deployment,
        known=known,
        sentence=describe_motion(terms.kind, payload),
        problems=(),
        warnings=tuple(_warnings(known)),
    )
    problems = [*_motion_differences(found, terms, payload)]
    problems += _common_problems(found, reading, now)
    return replace(reading, problems=tuple(problems))


def deployment_of(found: Json) -> bytes:
    """Return the deployment id of an answer. Raises `CommandError`."""
    text = found.get("deployment")
    try:
        deployment = bytes.fromhex(str(text)[2:])
    except ValueError:
        deployment = b""
    if not str(text).startswith("0x") or len(str(text)) != _BYTES32 or len(deployment) != 32:
        raise CommandError(BAD_DATA, "the daemon sent no readable deployment id")
    return deployment


def _common_problems(found: Json, reading: Reading, now: int) -> Iterator[str]:
    terms, law = reading.terms, reading.known.law
    reported = found.get("digest")
    if reported != "0x" + reading.digest.hex():
        yield f"the daemon says that the digest is {reported}; of these terms it is not"
    if terms.what != reading.sentence:
        yield f"the terms say {terms.what!r}, but they mean {reading.sentence!r}"
    if terms.law_digest != law_digest(law):
        whose = "your copy of the law" if reading.known.is_own else "the law that the daemon sent"
        yield f"the terms were made under another law than {whose}"
    if terms.expires_at <= now:
        yield "the terms have expired: nothing signed now would count"


def _transfer_differences(found: Json, reading: Reading) -> Iterator[str]:
    terms, law = reading.terms, reading.known.law
    assert isinstance(terms, TransferTerms)
    asset = law.asset_at(terms.chain_id, terms.asset)
    chain = law.chain_by_id(terms.chain_id)
    hot = terms.destination if terms.purpose is Purpose.REFILL else terms.source
    wallet = law.wallet_at(terms.chain_id, hot)
    own: Mapping[str, object] = {
        "chain": chain.name if chain else None,
        "chain_id": terms.chain_id,
        "asset": asset.symbol if asset else None,
        "asset_address": terms.asset,
        "amount": str(terms.amount),
        "maker": terms.maker,
        "max_fee": str(terms.max_fee),
        "expires_at": terms.expires_at,
        "destination": terms.destination,
        "wallet": wallet.name if wallet else None,
    }
    yield from _differences(found, own)


def _motion_differences(found: Json, terms: MotionTerms, payload: Json) -> Iterator[str]:
    try:
        bound = payload_digest(payload)
    except (TypeError, ValueError):
        bound = b""
    if bound != terms.payload_digest:
        yield "the payload is not the one that the terms bind"
    own = {"kind": terms.kind.value, "what": terms.what, "maker": terms.maker}
    yield from _differences(found, own)


def _differences(found: Json, own: Mapping[str, object]) -> Iterator[str]:
    for name, value in own.items():
        if name in found and found[name] != value:
            yield f"the daemon says {name} {found[name]!r}, the terms say {value!r}"


def _warnings(known: KnownLaw) -> Iterator[str]:
    if not known.is_own:
        yield _UNPINNED
    if known.law.profile is Profile.DEVELOPMENT:
        yield "the law is a development law: soft tokens and play money only"


def _look_alikes(terms: TransferTerms, law: Law) -> Iterator[str]:
    """Yield foreign addresses that an eye, which reads both ends, takes for one of the law's."""
    known: dict[str, str] = {wallet.address: wallet.name for wallet in law.wallets}
    known |= {asset.address: asset.symbol for asset in law.assets if not asset.is_native}
    for address in {terms.source, terms.destination, terms.asset} - set(known) - {NATIVE}:
        for ours, name in known.items():
            if _ends(ours) == _ends(address):
                yield f"{address} looks like {name}, {ours}, and is another address"


def _ends(address: str) -> tuple[str, str]:
    return address[2:6].lower(), address[-4:].lower()
