"""Genesis of a development deployment: two treasurers sign the first law, the signer adopts it."""

from __future__ import annotations

import secrets
import time
import tomllib

from hsm.client import SignerClient
from hsm.wire.answers import Okay
from policies.consent import describe_motion, motion_digest, payload_digest
from policies.law import canonical_law, law_digest, parse_law
from policies.terms import MotionKind, MotionTerms
from treasury.dev.deployment import Deployment, DeploymentError
from treasury.dev.treasurers import sign_digest

_VALID_S = 600


def adopt_first_law(deployment: Deployment) -> None:
    """Have the first law adopted on the signer's empty book.

    Raises `DeploymentError` with every reason when the signer refuses.
    """
    law = parse_law(tomllib.loads(deployment.law.read_text()))
    now = int(time.time())
    payload = {"lawDigest": "0x" + law_digest(law).hex()}
    terms = MotionTerms(
        what=describe_motion(MotionKind.ADOPT, payload),
        kind=MotionKind.ADOPT,
        salt=secrets.token_bytes(16),
        payload_digest=payload_digest(payload),
        maker=deployment.people[2].address,
        proposed_at=now,
        expires_at=now + _VALID_S,
        law_digest=bytes(32),
    )
    with SignerClient(deployment.people_socket) as client:
        digest = motion_digest(terms, client.status().deployment)
        signatures = [sign_digest(person, digest) for person in deployment.people[:2]]
        answer = client.adopt(terms, canonical_law(law).decode("ascii"), signatures)
    if not isinstance(answer, Okay):
        reasons = "; ".join(reason.text for reason in answer.reasons)
        raise DeploymentError(f"the signer refused the first law: {reasons}")
