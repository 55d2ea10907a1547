"""The table [api.tcp]: where payout services of other machines knock, and who they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.load import load_settings

PRINT = ":".join(["AB"] * 32)
TCP = f"""
[daemon]
state_dir = "state"
[signer]
socket = "signer.sock"
[chains.devnet]
endpoints = ["http://127.0.0.1:8545"]
finality = "depth:2"
[api]
directory = "api"
[api.tcp]
listen = "10.0.0.5:8443"
certificate = "daemon.pem"
key = "/run/keys/daemon.key"
client_ca = "clients.pem"
[api.tcp.clients.shop]
fingerprint = "{PRINT}"
pools = ["main", "other"]
"""


def load(folder: Path, text: str) -> object:
    """Read a text as treasuryd.toml and return what it says about TCP."""
    path = folder / "treasuryd.toml"
    path.write_text(text)
    return load_settings(path).api.tcp


def test_tcp_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    """No table, no listener."""
    assert load(tmp_path, TCP.partition("[api.tcp]")[0]) is None


def test_everything_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Paths start at the file's folder; a fingerprint may be pasted as openssl prints it."""
    path = tmp_path / "treasuryd.toml"
    path.write_text(TCP)
    tcp = load_settings(path).api.tcp
    assert tcp is not None
    (shop,) = tcp.clients
    assert ("10.0.0.5", 8443) == (tcp.host, tcp.port)
    assert tmp_path / "daemon.pem" == tcp.certificate
    assert Path("/run/keys/daemon.key") == tcp.key
    assert ("shop", "ab" * 32, frozenset({"main", "other"})) == (
        shop.name,
        shop.fingerprint,
        shop.pools,
    )


@pytest.mark.parametrize("place", ["[fd00::5]:8443", "0.0.0.0:1", "127.0.0.1:65535"])
def test_addresses_of_both_kinds_are_taken(tmp_path: Path, place: str) -> None:
    """IPv4 as it is, IPv6 in brackets."""
    assert load(tmp_path, TCP.replace("10.0.0.5:8443", place)) is not None


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("10.0.0.5:8443", "8443", "api.tcp.listen = '8443': write address and port"),
        ("10.0.0.5:8443", "host:8443", "write address and port"),
        ("10.0.0.5:8443", "10.0.0.5:70000", "write address and port"),
        ("10.0.0.5:8443", "10.0.0.500:80", "write address and port"),
        (PRINT, "AB:CD", "clients.shop.fingerprint = 'AB:CD': write the 64 hex digits"),
        ('pools = ["main", "other"]', "", "clients.shop.pools: missing"),
        ('client_ca = "clients.pem"', "", "api.tcp.client_ca: missing"),
        ('key = "/run/keys/daemon.key"', "password = 1", "api.tcp.key: missing"),
    ],
)
def test_mistakes_are_told_with_advice(tmp_path: Path, old: str, new: str, says: str) -> None:
    """The key, what stands there, and what to write instead."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, TCP.replace(old, new))
    assert says in str(caught.value)


def test_every_service_has_a_certificate_of_its_own(tmp_path: Path) -> None:
    """Two names for one certificate would leave open whose pools count."""
    twice = f'{TCP}[api.tcp.clients.bureau]\nfingerprint = "{PRINT.lower()}"\npools = ["main"]\n'
    with pytest.raises(ConfigError, match="a fingerprint stands twice"):
        load(tmp_path, twice)
    with pytest.raises(ConfigError, match="name at least one service"):
        load(tmp_path, TCP.partition("[api.tcp.clients.shop]")[0])
