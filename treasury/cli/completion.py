"""`completion`: a bash script made from the grammar, so that it never knows less or more.

Put it to use with: source <(treasuryctl completion bash)
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from treasury.cli.grammar import build_parser

if TYPE_CHECKING:
    from treasury.cli.main import Call

_HEAD = """\
_treasuryctl() {
    local here="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" path="" word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$word" in -*) ;; *) path="$path $word" ;; esac
    done
    case "$before" in
        --keystore|--password-file|--pin-file|--law|--socket|--signer)
            mapfile -t COMPREPLY < <(compgen -f -- "$here"); return ;;
    esac
    local words=""
    case "$path " in
"""
_TAIL = """\
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$here")
}
complete -F _treasuryctl treasuryctl
"""


def show(call: Call) -> None:
    """Print the script."""
    lines = [f'        " {path} "*) words="{words}" ;;' for path, words in _table(build_parser())]
    # The shell takes the first line that fits, so the longest path stands first.
    lines.sort(key=len, reverse=True)
    lines.sort(key=lambda line: line.split('"')[1].count(" "), reverse=True)
    top = " ".join(_choices(build_parser()))
    script = _HEAD + "\n".join([*lines, f'        *) words="{top}" ;;']) + "\n" + _TAIL
    call.show({"script": script}, script.splitlines())


def _table(parser: argparse.ArgumentParser, path: str = "") -> Iterator[tuple[str, str]]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to look
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, child in action.choices.items():
                inner = f"{path} {name}".strip()
                yield inner, " ".join([*_choices(child), *_options(child)])
                yield from _table(child, inner)


def _choices(parser: argparse.ArgumentParser) -> list[str]:
    return [
        str(choice)
        for action in parser._actions  # noqa: SLF001
        for choice in action.choices or ()
    ]


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [
        option
        for action in parser._actions  # noqa: SLF001
        for option in action.option_strings
        if option.startswith("--")
    ]
