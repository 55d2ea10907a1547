"""A whole treasury installed into a machine: development keys and law in production's places."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.systemd.machine import Machine, install_into
from treasury.dev.chain.launch import RunningChain
from treasury.dev.deployment import Deployment, Plan, lay_out, write_daemon_settings

_SIGNER_HOME = "var/lib/treasury-signer"
_TOKENS = ("vault", "hot-a", "hot-b", "gas", "checkpoint")
SOCKETS = [
    "treasury-signer.socket",
    "treasury-signer-people.socket",
    "treasuryd-reader.socket",
    "treasuryd-operator.socket",
    "treasuryd-treasurer.socket",
    "treasuryd-service.socket",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """Where the parts lie: the development folder on the host, and the machine's tree."""

    machine: Machine
    deployment: Deployment
    chain: RunningChain

    def credential(self, token: str) -> Path:
        """Return the file from which systemd loads the PIN of a token."""
        return self.machine.tree / f"etc/treasury/credentials/{token}-pin"

    def reached_from_host(self) -> Deployment:
        """Return the deployment with its sockets as the host sees them, once it is booted."""
        sockets = Path(f"/proc/{self.machine.leader}/root/run/treasury-signer")
        return replace(self.deployment, sockets=sockets)


def install(folder: Path, start: Callable[[Deployment], RunningChain]) -> Installed:
    """Install programs, units, keys and settings into a machine that is not booted yet.

    `start` starts the chain that the machine's daemon reaches on the shared loopback.
    """
    machine = Machine(folder)
    install_into(machine.tree)
    made = lay_out(folder / "deployment", Plan())
    chain = start(made)
    write_daemon_settings(made, chain.url)
    installed = Installed(machine=machine, deployment=made, chain=chain)
    _place_signer(installed)
    _place_daemon(installed)
    _place_people(installed)
    _limit_waiting(machine.tree)
    return installed


def _place_signer(installed: Installed) -> None:
    """Put tokens, PINs and signer.toml where the unit expects them."""
    tree, made = installed.machine.tree, installed.deployment
    home = tree / _SIGNER_HOME
    shutil.copytree(made.directory / "tokens", home / "tokens")
    (home / "softhsm2.conf").write_text(
        f"directories.tokendir = /{_SIGNER_HOME}/tokens\nobjectstore.backend = file\n"
    )
    home.chmod(0o700)
    _give_to(tree, home, "treasury-signer")
    etc = tree / "etc/treasury"
    (etc / "credentials").mkdir(parents=True)
    for token in _TOKENS:
        shutil.copy(made.directory / f"pins/{token}.pin", installed.credential(token))
        installed.credential(token).chmod(0o600)
    text = made.signer_toml.read_text().replace(str(made.sockets), "/run/treasury-signer")
    text = re.sub(r'"pins/([\w-]+)\.pin"', r'"\1-pin"', text)
    text = text.replace('"book.sqlite3"', f'"/{_SIGNER_HOME}/book.sqlite3"')
    (etc / "signer.toml").write_text(text)
    credentials = "".join(
        f"LoadCredential={token}-pin:/etc/treasury/credentials/{token}-pin\n" for token in _TOKENS
    )
    _drop_in(
        tree,
        "treasury-signer",
        f"Environment=SOFTHSM2_CONF=/{_SIGNER_HOME}/softhsm2.conf\nLoadCredential=\n{credentials}",
    )


def _place_daemon(installed: Installed) -> None:
    """Put treasuryd.toml and the law where the unit expects them."""
    made, etc = installed.deployment, installed.machine.tree / "etc/treasury"
    text = made.daemon_toml.read_text()
    text = text.replace(f"{made.sockets}/signer.sock", "/run/treasury-signer/signer.sock")
    text = text.replace(f"{made.sockets}/api", "/run/treasury/api")
    text = text.replace('state_dir = "."', 'state_dir = "/var/lib/treasury"')
    text = text.replace('"live_wallets.json"', '"/var/lib/treasury/live_wallets.json"')
    (etc / "treasuryd.toml").write_text(text)
    shutil.copy(made.law, etc / "law.toml")


def _place_people(installed: Installed) -> None:
    """Give every treasurer a login in the treasurers' and readers' groups, and a keystore."""
    tree = installed.machine.tree
    for person in installed.deployment.people:
        groups = "--groups=treasury-treasurer,treasury-reader"
        command = ["useradd", f"--root={tree}", "--create-home", groups, person.name]
        subprocess.run(command, check=True)
        home = tree / "home" / person.name
        shutil.copy(person.keystore, home / "keystore.json")
        shutil.copy(person.password_file, home / "password.txt")
        _give_to(tree, home, person.name)


def _limit_waiting(tree: Path) -> None:
    """Shorten the watchdogs, so that a test sees them bite."""
    for unit in ("treasuryd", "treasury-signer"):
        _drop_in(tree, unit, "WatchdogSec=6\n", name="watchdog")


def _drop_in(tree: Path, unit: str, text: str, *, name: str = "test") -> None:
    folder = tree / f"etc/systemd/system/{unit}.service.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.conf").write_text("[Service]\n" + text)


def _give_to(tree: Path, folder: Path, user: str) -> None:
    """Change the owner of a folder to a user of the machine, who is unknown to the host."""
    (line,) = (
        line
        for line in (tree / "etc/passwd").read_text().splitlines()
        if line.startswith(f"{user}:")
    )
    user_id, group_id = (int(number) for number in line.split(":")[2:4])
    for path in [folder, *folder.rglob("*")]:
        shutil.chown(path, user_id, group_id)
