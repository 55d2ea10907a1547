"""Contracts are shown by what they call themselves, and by their address beside it."""

from __future__ import annotations

import gzip
from pathlib import Path

from treasury.backtest.symbols import read_symbols, said

TOKEN = "0x" + "ab" * 20
OURS = "timestamp,block,tx_hash,log_index,from,to,asset,symbol,amount,usd"


def _row(asset: str, symbol: str) -> str:
    return f"1600000000,1,0x1,0,0x{'11' * 20},0x{'22' * 20},{asset},{symbol},1.0,"


def test_the_first_symbol_of_a_contract_counts(tmp_path: Path) -> None:
    """Capital letters of an address do not matter, and the native coin needs no symbol."""
    path = tmp_path / "history.csv.gz"
    lines = [OURS, _row("ETH", "ETH"), _row(TOKEN.upper().replace("X", "x"), "USDT"), ""]
    path.write_bytes(gzip.compress("\n".join([*lines, _row(TOKEN, "FAKE")]).encode()))

    assert read_symbols([path]) == {TOKEN: "USDT"}


def test_a_symbol_cannot_write_on_the_screen(tmp_path: Path) -> None:
    """Control characters, look-alike letters and endless names of fake tokens are left out."""
    path = tmp_path / "history.csv"
    other = "0x" + "cd" * 20
    rows = [_row(TOKEN, "\x1b[31mU\u0405DT$visit.example"), _row(other, "§")]
    path.write_text("\n".join([OURS, *rows]))

    assert read_symbols([path]) == {TOKEN: "31mUDTvisite"}


def test_an_export_of_tokens_has_symbols_too(tmp_path: Path) -> None:
    """The layout of token exports names them `TokenSymbol`; a file without any has none."""
    head = "Transaction Hash,UnixTimestamp,From,To,TokenValue,ContractAddress,TokenSymbol"
    row = f"0x1,1600000000,0x{'11' * 20},0x{'22' * 20},1.5,{TOKEN},DAI"
    (tmp_path / "named.csv").write_text(f"{head}\n{row}\n")
    (tmp_path / "bare.csv").write_text(f"{head.replace('TokenSymbol', 'Note')}\n{row}\n")

    assert read_symbols([tmp_path / "named.csv"]) == {TOKEN: "DAI"}
    assert read_symbols([tmp_path / "bare.csv"]) == {}


def test_a_sentence_names_the_token_and_where_it_lives() -> None:
    """Every mention is replaced; an address without symbol stays whole."""
    text = f"1 {TOKEN} to 0x{'22' * 20}, and {TOKEN} again"

    assert said(text, {TOKEN: "DAI"}) == (
        f"1 DAI (0xabab…abab) to 0x{'22' * 20}, and DAI (0xabab…abab) again"
    )
