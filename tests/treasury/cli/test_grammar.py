"""The command line's grammar: ids, ages, and every handler that it names."""

from __future__ import annotations

import argparse
import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasury.cli.grammar import build_parser
from treasury.cli.options import age, identifier, since


def handlers(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the handler of every command, by its words."""
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                inner = handlers(child)
                here = child.get_default("handler")
                found.update({f"{name} {words}".strip(): h for words, h in inner.items()})
                if here:
                    found[name] = here
    return found


def test_every_command_has_its_function() -> None:
    """No line of the grammar leads nowhere."""
    found = handlers(build_parser())
    for words in (
        "status",
        "pool list",
        "wallet list",
        "wallet show",
        "refill list",
        "refill show",
        "refill approve",
        "refill reject",
        "refill propose",
        "transfer list",
        "transfer show",
        "journal tail",
        "journal verify",
        "halt",
        "motion list",
        "motion show",
        "motion approve",
        "motion propose",
        "withdrawal approve",
        "signer status",
        "isolate",
        "veto",
        "law sign",
        "law adopt",
    ):
        assert words in found
    for handler in found.values():
        module, _, function = handler.partition(":")
        assert callable(getattr(importlib.import_module(f"treasury.cli.{module}"), function))


@pytest.mark.parametrize("text", ["17", "#17", "0x" + "ab" * 32])
def test_ids_are_numbers_or_digests(text: str) -> None:
    """People write #17, scripts the order id."""
    assert text.removeprefix("#") == identifier(text)


@given(st.text(max_size=80))
def test_no_other_text_is_an_id(text: str) -> None:
    """An id can never change the path of a request."""
    try:
        found = identifier(text)
    except argparse.ArgumentTypeError:
        return
    assert found.isascii()
    assert found.isalnum()


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("15m", 900), ("2h", 7200), ("3d", 259_200), ("0s", 0)]
)
def test_ages_have_one_unit(text: str, expected: int) -> None:
    """Seconds, minutes, hours, days."""
    assert expected == age(text)


@pytest.mark.parametrize("text", ["", "5", "h", "-1h", "1.5h", "1w", "٣h", "1h "])
def test_other_ages_are_refused(text: str) -> None:
    """What could be misread is refused."""
    with pytest.raises(argparse.ArgumentTypeError, match="write 90s, 15m, 2h or 3d"):
        age(text)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "required: SUBJECT"),
        (["refill"], "required: COMMAND"),
        (["refill", "show"], "required: ID"),
        (["refill", "show", "x17"], "'x17' is no id: write 17, #17 or 0x and 64 digits"),
        (["refill", "shwo", "17"], "invalid choice: 'shwo'"),
        (["halt"], "required: --why"),
        (["status", "--jsn"], "unrecognized arguments: --jsn"),
        (["refill", "list", "--since", "yesterday"], "'yesterday' is no time"),
    ],
)
def test_wrong_commands_are_one_line_and_exit_2(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip of the keyboard is one clear line that names the help."""
    with pytest.raises(SystemExit) as end:
        build_parser().parse_args(words)
    printed = capsys.readouterr()
    assert 2 == end.value.code
    assert "" == printed.out
    assert told in printed.err
    assert 1 == printed.err.count("\n")
    assert "--help" in printed.err


@pytest.mark.parametrize("words", [["--json", "status"], ["status", "--json"]])
def test_common_options_stand_anywhere(words: list[str]) -> None:
    """--json before or behind the command is the same."""
    assert build_parser().parse_args(words).json is True


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", -7200),
        ("2026-01-02", 1_767_312_000),
        ("2026-01-02 12:00", 1_767_355_200),
        ("2026-01-02 12:00:00 UTC", 1_767_355_200),
        ("2026-01-02T20:00:00+08:00", 1_767_355_200),
        ("1969-01-01", 0),
    ],
)
def test_since_takes_ages_and_times(text: str, seconds: int) -> None:
    """Ages count back from now; times are UTC unless they say otherwise, as pages print them."""
    assert seconds == since(text)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "12:00", "-2h"])
def test_what_is_no_time_is_told_with_advice(text: str) -> None:
    """The error shows how to write one."""
    with pytest.raises(argparse.ArgumentTypeError, match="is no time: write 15m"):
        since(text)
