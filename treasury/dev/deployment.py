"""Lay out a development deployment in one folder: tokens, people, law, settings.

Everything a real deployment has, at play-money strength. The folder is made anew each time, and
only a folder that carries our mark is ever removed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from policies.terms import Address
from treasury.dev.children import ChildError, python
from treasury.dev.coins import Coin, addresses_of
from treasury.dev.law_text import Bands, LawTerms, development_law
from treasury.dev.treasurers import Person, enrol
from treasury.errors import TreasuryError

_MARK = "development-deployment"
# sockaddr_un holds 108 bytes; the longest name below is "api/treasurer.sock".
_SOCKET_FOLDER_MOST = 80
_TOKENS_DEADLINE_S = 60


class DeploymentError(TreasuryError):
    """The folder of a development deployment cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where everything of a development deployment lies."""

    directory: Path
    sockets: Path
    people: tuple[Person, ...]
    addresses: Mapping[str, Address]
    chain_id: int

    @property
    def law(self) -> Path:
        """Return the law file."""
        return self.directory / "law.toml"

    @property
    def signer_toml(self) -> Path:
        """Return the signer's settings."""
        return self.directory / "signer.toml"

    @property
    def daemon_toml(self) -> Path:
        """Return the daemon's settings."""
        return self.directory / "treasuryd.toml"

    @property
    def people_socket(self) -> Path:
        """Return the signer's socket for people."""
        return self.sockets / "people.sock"

    def api_socket(self, role: str) -> Path:
        """Return the API's socket of a role."""
        return self.sockets / "api" / f"{role}.sock"

    def stolen_key(self, name: str) -> bytes:
        """Return the copy of an imported key, as a thief would have it."""
        return bytes.fromhex((self.directory / "stolen" / f"{name}.key").read_text())

    def log(self, name: str) -> Path:
        """Return the log file of one of the programs."""
        return self.directory / "log" / f"{name}.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may differ between development deployments; `time_lock_s` is of the lower tier.

    `hot_eth` and `hot_coins` are what hot-a begins with, in whole ETH and whole tokens;
    `is_native_banded`: the pool has a band for ETH; without, the sponsor gives it gas.
    `imported` names keys of which a copy lies in the folder `stolen`, for a thief to use; with
    `mirrors` the daemon speaks to so many mirrors of the node instead of the node itself.
    """

    chain_id: int = 31337
    bands: Bands = field(default_factory=Bands)
    time_lock_s: int = 2
    refill_window_s: int = 60
    coins: tuple[Coin, ...] = ()
    is_native_banded: bool = True
    imported: tuple[str, ...] = ()
    mirrors: int = 0
    hot_eth: int = 6
    hot_coins: int = 6_000

    @property
    def terms(self) -> LawTerms:
        """Return what the law is told."""
        return LawTerms(
            bands=self.bands,
            coins=self.coins,
            is_native_banded=self.is_native_banded,
            time_lock_s=self.time_lock_s,
            refill_window_s=self.refill_window_s,
        )


def lay_out(directory: Path, plan: Plan) -> Deployment:
    """Make a fresh folder with tokens, people and law; the chain's address is added later.

    Raises `DeploymentError` for a folder that holds something else.
    """
    _clear(directory)
    directory.mkdir(parents=True, mode=0o700)
    (directory / _MARK).touch()
    (directory / "log").mkdir()
    people = enrol(directory / "treasurers")
    keys = _make_tokens(directory, plan.imported)
    addresses = {n: Address(k["address"]) for n, k in keys.items() if k["address"]}
    deployment = Deployment(
        directory=directory,
        sockets=_socket_folder(directory),
        people=people,
        addresses=addresses,
        chain_id=plan.chain_id,
    )
    deployment.law.write_text(
        development_law(
            chain_id=plan.chain_id,
            addresses={**addresses, **addresses_of(plan.coins)},
            people=people,
            terms=plan.terms,
        )
    )
    deployment.signer_toml.write_text(_signer_toml(deployment, keys))
    return deployment


def write_daemon_settings(deployment: Deployment, *endpoints: str) -> None:
    """Write treasuryd.toml once the addresses of the chain's nodes are known."""
    deployment.daemon_toml.write_text(_daemon_toml(deployment, endpoints))


def signer_environment(deployment: Deployment) -> dict[str, str]:
    """Return what the signer needs in its environment to find the soft tokens."""
    return {"SOFTHSM2_CONF": str(deployment.directory / "softhsm2.conf")}


def _clear(directory: Path) -> None:
    if not directory.exists():
        return
    if any(directory.iterdir()) and not (directory / _MARK).exists():
        raise DeploymentError(
            f"{directory} holds something else than a development deployment; name another folder"
        )
    shutil.rmtree(directory)


def _make_tokens(directory: Path, imported: Sequence[str]) -> dict[str, dict[str, str]]:
    copies = [word for name in imported for word in ("--imported", name)]
    done = subprocess.run(
        python("-m", "hsm.token.development", str(directory), *copies),
        capture_output=True,
        text=True,
        timeout=_TOKENS_DEADLINE_S,
        check=False,
    )
    if done.returncode:
        raise ChildError(done.stderr.strip() or "the soft tokens could not be made")
    made: dict[str, dict[str, str]] = json.loads(done.stdout)
    return made


def _socket_folder(directory: Path) -> Path:
    folder = directory / "run"
    if len(os.fsencode(folder)) > _SOCKET_FOLDER_MOST:
        folder = Path(tempfile.mkdtemp(prefix="treasury-"))
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "api").mkdir(mode=0o700)
    return folder


def _signer_toml(deployment: Deployment, keys: Mapping[str, Mapping[str, str]]) -> str:
    tokens = "\n".join(
        f'[tokens.{name}]\nserial = "{key["serial"]}"\nlabel = "{name}"\n'
        f'pin_credential = "pins/{name}.pin"\n'
        for name, key in keys.items()
    )
    plans = "\n".join(
        f'[keys.{name}]\ntoken = "{name}"\ncka_id = "{key["cka_id"]}"\n'
        f'public_key = "{key["public_key"]}"\ncurve = "{key["curve"]}"\n'
        f'purpose = "{"checkpoint" if name == "checkpoint" else "transaction"}"\n'
        f"{'imported = true' if key['imported'] else ''}\n"
        for name, key in keys.items()
    )
    return f"""module = "/usr/lib/softhsm/libsofthsm2.so"
book = "book.sqlite3"
profile = "development"

[sockets]
signer = "{deployment.sockets}/signer.sock"
people = "{deployment.people_socket}"

{tokens}
{plans}"""


def _daemon_toml(deployment: Deployment, endpoints: Sequence[str]) -> str:
    return f"""[daemon]
state_dir = "."
law = "law.toml"
live_wallets = "live_wallets.json"

[signer]
socket = "{deployment.sockets}/signer.sock"

[api]
directory = "{deployment.sockets}/api"

[journal]
checkpoint_every = 50
checkpoint_after_s = 5

[chains.devnet]
endpoints = {json.dumps(list(endpoints))}
finality = "depth:2"
poll_s = 0.25
deadline_s = 5
stale_after_s = 30
resend_after_s = 5
bump_after_s = 20
"""
