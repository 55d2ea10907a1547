"""The shipped examples: complete, commented, and accepted by the readers that they are for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.load import load_law, load_settings
from hsm.settings import load_settings as load_signer_settings
from policies.crypto import address_of_public_key
from policies.document import Table
from policies.law import Profile

ROOM = Path(__file__).parents[2] / "config"
NAMED = (
    "chains",
    "wallets",
    "pools",
    "assets",
    "tokens",
    "max_loss",
    "keys",
    "channels",
    "clients",
)
EXAMPLES: dict[str, Callable[[Path], object]] = {
    "treasuryd.toml": load_settings,
    "law.toml": load_law,
    "signer.toml": load_signer_settings,
}


def switched_on(name: str) -> str:
    """Return an example with the keys that it shows as switched off, "#key = …", switched on."""
    return re.sub(r"^#(?=[\[a-z])", "", (ROOM / name).read_text(), flags=re.MULTILINE)


def general(path: str) -> str:
    """Replace names and positions in a dotted key by a star, so that only the kind is left."""
    parts = re.sub(r"\[[0-9]+\]", "", path).split(".")
    known = range(1, len(parts))
    return ".".join("*" if i in known and parts[i - 1] in NAMED else p for i, p in enumerate(parts))


def written_keys(document: object, path: str = "") -> Iterator[str]:
    """Yield the dotted key of every value in a parsed document."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from written_keys(value, f"{path}.{name}" if path else name)
        return
    if isinstance(document, list) and document and isinstance(document[0], dict):
        for row in document:
            yield from written_keys(row, path)
        return
    yield path


def commented_keys(text: str) -> Iterator[str]:
    """Yield the dotted key of every line that has a comment above it or behind it."""
    table, has_comment = "", False
    for line in text.splitlines():
        heading = re.match(r"\[+([^\]]+)\]+", line)
        assignment = re.match(r"([A-Za-z0-9_-]+) *=", line)
        if heading:
            table = heading[1]
        elif assignment and (has_comment or "#" in line):
            yield f"{table}.{assignment[1]}" if table else assignment[1]
        has_comment = line.startswith("#")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every key that a strict reader looks for, whether it is there or not."""
    found: set[str] = set()
    take, has = Table._take, Table.has

    def noting_take(table: Table, name: str, default: object) -> object:
        found.add(general(table.key(name)))
        return take(table, name, default)

    def noting_has(table: Table, name: str) -> bool:
        found.add(general(table.key(name)))
        return has(table, name)

    monkeypatch.setattr(Table, "_take", noting_take)
    monkeypatch.setattr(Table, "has", noting_has)
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_accepted_by_its_reader(name: str) -> None:
    """Each shipped example loads as it stands."""
    assert EXAMPLES[name](ROOM / name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_names_every_key_that_its_reader_knows(
    name: str, asked: set[str], tmp_path: Path
) -> None:
    """No key of the reader is missing from the example, and those switched off are right too."""
    (tmp_path / name).write_text(switched_on(name))
    EXAMPLES[name](tmp_path / name)
    written = {general(key) for key in written_keys(tomllib.loads(switched_on(name)))}
    tables = {
        key.rsplit(".", depth)[0] for key in written for depth in range(1, key.count(".") + 1)
    }
    assert set() == asked - written - tables


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_explains_every_key(name: str) -> None:
    """Every kind of key has a comment where it first appears."""
    text = switched_on(name)
    written = {general(key) for key in written_keys(tomllib.loads(text))}
    commented = {general(key) for key in commented_keys(text)}
    assert set() == written - commented


def test_example_law_is_fit_for_production() -> None:
    """The example is not a development law, so that copying it is safe."""
    assert Profile.PRODUCTION is load_law(ROOM / "law.toml").profile


def test_example_files_belong_together() -> None:
    """Every wallet of the example law has its key in the example signer, with the same address."""
    law, signer = load_law(ROOM / "law.toml"), load_signer_settings(ROOM / "signer.toml")
    addresses = {n: address_of_public_key(key.public_key) for n, key in signer.keys.items()}
    assert {w.key: w.address for w in law.wallets}.items() <= addresses.items()
    assert law.profile is signer.profile
    settings = load_settings(ROOM / "treasuryd.toml")
    assert signer.signer_socket == settings.signer.socket
    assert {chain.name for chain in law.chains} == set(settings.chains)
