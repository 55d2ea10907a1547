"""Read the table [api.tcp]: payout services of other machines, known by their certificates."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path

from config.settings import ServiceClient, TcpSettings
from policies.document import Table

_PORTS = 65_535
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-f:]+)\]|(?P<v4>[0-9.]+)):(?P<port>[0-9]{1,5})\Z")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


def read_tcp(table: Table, base: Path) -> TcpSettings:
    """Read where to listen, the certificates, and who may come."""
    host, port = _listen(table)
    settings = TcpSettings(
        host=host,
        port=port,
        certificate=base / table.text("certificate"),
        key=base / table.text("key"),
        client_ca=base / table.text("client_ca"),
        clients=_clients(table),
    )
    table.finish()
    return settings


def _listen(table: Table) -> tuple[str, int]:
    match = _ADDRESS.match(table.text("listen"))
    try:
        host = str(ip_address(match["v6"] or match["v4"])) if match else ""
    except ValueError:
        host = ""
    port = int(match["port"]) if match else 0
    if not host or port > _PORTS:
        table.refuse("listen", 'write address and port of this machine: "10.0.0.5:8443"')
        return "127.0.0.1", 0
    return host, port


def _clients(table: Table) -> tuple[ServiceClient, ...]:
    found = tuple(_client(name, entry) for name, entry in table.tables("clients").items())
    prints = [client.fingerprint for client in found]
    if len(set(prints)) != len(prints):
        table.refuse("clients", "a fingerprint stands twice: give every service its own")
    if not found:
        table.refuse("clients", "name at least one service, or leave the table [api.tcp] out")
    return found


def _client(name: str, table: Table) -> ServiceClient:
    written = table.text("fingerprint").replace(":", "").lower()
    if not _FINGERPRINT.match(written):
        how = "openssl x509 -noout -fingerprint -sha256 -in FILE"
        table.refuse("fingerprint", f'write the 64 hex digits that "{how}" prints')
    client = ServiceClient(name=name, fingerprint=written, pools=frozenset(table.names("pools")))
    table.finish()
    return client
