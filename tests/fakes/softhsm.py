"""Fresh SoftHSM tokens in a directory of their own: the real module, nothing of the host's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "4711-marker-pin"
SO_PIN = "0815-marker-so-pin"
_SERIAL = re.compile(r"reassigned to slot (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One initialised token; `serial` is what PKCS#11 reports, `pin_file` is mode 0600."""

    label: str
    serial: str
    pin: str
    pin_file: Path


class SoftHsm:
    """A private SoftHSM store; `SOFTHSM2_CONF` must point at `conf` while it is used."""

    def __init__(self, directory: Path) -> None:
        """Write the configuration file and the empty token directory."""
        self.directory = directory
        self.tokens = directory / "tokens"
        self.tokens.mkdir(parents=True)
        self.conf = directory / "softhsm2.conf"
        self.conf.write_text(
            f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        self.module = MODULE

    def init_token(self, label: str, pin: str = PIN) -> Token:
        """Initialise one more token and return its serial."""
        command = ["softhsm2-util", "--init-token", "--free", "--label", label]
        environment = {**os.environ, "SOFTHSM2_CONF": str(self.conf)}
        done = subprocess.run(
            [*command, "--pin", pin, "--so-pin", SO_PIN],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found = _SERIAL.search(done.stdout)
        assert found is not None, done.stdout
        # SoftHSM derives the slot number from the last 31 bits of the serial it drew.
        slot = int(found.group(1))
        pin_file = self.directory / f"{label}.pin"
        pin_file.write_text(pin + "\n")
        pin_file.chmod(0o600)
        return Token(label=label, serial=self._serial(slot), pin=pin, pin_file=pin_file)

    def _serial(self, slot: int) -> str:
        for item in self.tokens.iterdir():
            serial = _serial_of(item)
            if int(serial[-8:], 16) & 0x7FFFFFFF == slot:
                return serial
        msg = f"no token directory belongs to slot {slot}"
        raise AssertionError(msg)

    def take_away(self) -> None:
        """Move every token out of sight, as if the device was unplugged."""
        self.tokens.rename(self.directory / "away")
        self.tokens.mkdir()

    def bring_back(self) -> None:
        """Undo `take_away`."""
        shutil.rmtree(self.tokens)
        (self.directory / "away").rename(self.tokens)


def _serial_of(token_directory: Path) -> str:
    # The directory carries the token's UUID; its last 16 digits are the serial.
    return token_directory.name.replace("-", "")[-16:]


@contextmanager
def softhsm_at(directory: Path) -> Iterator[SoftHsm]:
    """Make a store and point this process (and its children) at it."""
    store = SoftHsm(directory)
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(store.conf)
    try:
        yield store
    finally:
        _finalize()
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before


def _finalize() -> None:
    """Close the module if this process opened it: it reads its configuration at initialisation."""
    import pkcs11

    for library in list(pkcs11._loaded.values()):
        if library.initialized:
            library.finalize()
