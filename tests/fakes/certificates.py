"""Real certificates for tests, made by openssl: an authority, a daemon's, and those of services.

papers = Papers(tmp_path)
papers.issue("shop")              # shop.pem and shop.key, signed by the authority
papers.sign_itself("shop")        # the same, signed by itself
papers.fingerprint("shop")        # as openssl prints it, with colons
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

AUTHORITY = "authority"


def why_not() -> str:
    """Return why no certificates can be made here, or nothing."""
    return "" if shutil.which("openssl") else "openssl is missing: apt-get install openssl"


class Papers:
    """A folder of certificates and keys."""

    def __init__(self, folder: Path) -> None:
        """Make the authority."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.sign_itself(AUTHORITY)

    def certificate(self, name: str) -> Path:
        """Return the file of a certificate."""
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        """Return the file of its private key."""
        return self.folder / f"{name}.key"

    def issue(self, name: str) -> None:
        """Make a certificate that the authority signed."""
        by = ("-CA", self.certificate(AUTHORITY), "-CAkey", self.key(AUTHORITY))
        self._request(name, *map(str, by))

    def sign_itself(self, name: str, *, days: int = 2) -> None:
        """Make a certificate that signed itself."""
        self._request(name, days=days)

    def fingerprint(self, name: str) -> str:
        """Return the SHA-256 of a certificate as openssl prints it."""
        command = ("x509", "-noout", "-fingerprint", "-sha256", "-in", str(self.certificate(name)))
        return _openssl(*command).strip().partition("=")[2]

    def _request(self, name: str, *by: str, days: int = 2) -> None:
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", str(days), "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(self.key(name)), "-out", str(self.certificate(name)), *by),
        )


def _openssl(*arguments: str) -> str:
    done = subprocess.run(
        ["openssl", *arguments], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
