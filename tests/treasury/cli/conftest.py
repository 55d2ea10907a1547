"""What the command line's tests get: a daemon's API, keystores, and a way to type commands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_keyfile.keyfile import create_keyfile_json

from tests.fakes.office import OfficeForTests, office_at
from tests.laws import PEOPLE, key_of
from treasury.cli.main import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - whatever JSON it printed
        return json.loads(self.out)


@dataclass(slots=True)
class Terminal:
    """Types commands into `treasuryctl` in this process, `later_s` after the office's time."""

    office: OfficeForTests
    keystores: Path
    capsys: pytest.CaptureFixture[str]
    later_s: int = 125

    def __call__(self, *words: str) -> Outcome:
        self.capsys.readouterr()
        try:
            code = main(words, lambda: float(self.office.clock.unix() + self.later_s))
        except SystemExit as end:
            code = int(str(end.code))
        printed = self.capsys.readouterr()
        return Outcome(code=code, out=printed.out, err=printed.err)

    def key(self, name: str, *, is_asked: bool = False) -> Sequence[str]:
        """Return the options with which a treasurer signs."""
        keystore, password = self.keystores / f"{name}.json", self.keystores / "password"
        words = ["--keystore", str(keystore), "--password-file", str(password)]
        return words if is_asked else [*words, "--yes"]


@pytest.fixture(scope="session")
def keystores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a keystore of every treasurer and of a stranger; one password for all."""
    folder = tmp_path_factory.mktemp("keystores")
    (folder / "password").write_text("a password\n")
    for name in (*PEOPLE, "stranger"):
        document = create_keyfile_json(
            key_of(name).secret, b"a password", kdf="pbkdf2", iterations=2
        )
        (folder / f"{name}.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OfficeForTests]:
    """A daemon's API that the command line finds by its environment."""
    with office_at(tmp_path) as found:
        monkeypatch.setenv("TREASURY_API", str(found.sockets))
        monkeypatch.delenv("TREASURY_LAW", raising=False)
        yield found


@pytest.fixture
def terminal(
    office: OfficeForTests, keystores: Path, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """A terminal in front of that daemon."""
    return Terminal(office, keystores, capsys)
