"""Compares the book's tables with its own chain: a row changed behind our back is found at start.

The chain of entries is replayed into the state that it tells (tokens, laws, marks, active
wallets, consent, nonces, hashes of signed bytes), and the tables must say the same. Whoever
changes a row would have to forge every hash after it, and the daemon has journaled those.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from types import MappingProxyType

from hsm.book.book import Book
from hsm.errors import BookError
from hsm.wire.fields import to_hex
from policies.crypto import keccak256

State = dict[str, str]
Content = Mapping[str, str]


def check(book: Book) -> None:
    """Walk the chain, then compare the tables with it.

    Raises `BookError`, also when the file is damaged so that it cannot be read.
    """
    try:
        book.verify()
        audit(book)
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise BookError(
            f"the book cannot be read through: {error}; restore a copy, or run the program "
            "that wrote it"
        ) from error


def audit(book: Book) -> None:
    """Replay the chain and compare.

    Raises `BookError` naming the first thing that differs. `Book.verify` must have passed.
    """
    told, found = replayed(book), stored(book)
    for name in sorted(told.keys() | found.keys()):
        if told.get(name) != found.get(name):
            raise BookError(
                f"the book's tables say {found.get(name, 'nothing')!r} of {name}, its entries "
                f"{told.get(name, 'nothing')!r}: somebody changed it; restore a copy and look"
            )


def replayed(book: Book) -> State:
    """Return the state that the entries tell."""
    state: State = {}
    rows = book.connection.execute("SELECT kind, content FROM entries ORDER BY seq")
    for kind, content in rows:
        step = _STEPS.get(kind)
        if step is not None:
            step(state, json.loads(content))
    return state


def _began(state: State, content: Content) -> None:
    state["deployment"] = content["deployment"]


def _tokens(state: State, content: Content) -> None:
    state.update({f"token {name}": serial for name, serial in content.items()})


def _law(state: State, content: Content) -> None:
    number = sum(name.startswith("law ") for name in state)
    state[f"law {number}"] = f"{content['digest']} from {content['activeFrom']}"


def _law_dropped(state: State, content: Content) -> None:
    name = next(
        n
        for n in sorted(state, reverse=True, key=_law_number)
        if n.startswith("law ") and state[n].startswith(content["digest"] + " from")
    )
    state[name] += ", dropped"


def _law_number(name: str) -> int:
    return int(name.removeprefix("law ")) if name.startswith("law ") else -1


def _motion(state: State, content: Content) -> None:
    state[f"motion {content['motionId']}"] = content["kind"]


def _marked(state: State, content: Content) -> None:
    state[f"mark {content['wallet']}"] = content["mark"]


def _reinstated(state: State, content: Content) -> None:
    state.pop(f"mark {content['wallet']}", None)


def _activated(state: State, content: Content) -> None:
    state[f"active {content['pool']}"] = content["wallet"]


def _frozen(state: State, content: Content) -> None:
    state["frozen"] = content["why"]


def _resumed(state: State, _content: Content) -> None:
    state["frozen"] = ""


def _epoch(state: State, content: Content) -> None:
    state["epoch"] = content["epoch"]


def _approval(state: State, content: Content) -> None:
    state.setdefault(f"approval {content['digest']} {content['signer']}", content["signature"])


def _veto(state: State, content: Content) -> None:
    state[f"veto {content['digest']} {content['signer']}"] = content["signature"]


def _order(state: State, content: Content) -> None:
    state[f"nonce of {content['orderId']}"] = content["nonce"]
    state[f"attempt {content['orderId']} 1"] = content["digest"]


def _attempt(state: State, content: Content) -> None:
    state[f"attempt {content['orderId']} {content['attempt']}"] = content["digest"]


def _signed(state: State, content: Content) -> None:
    state[f"hash {content['orderId']} {content['attempt']}"] = content["hash"]


_STEPS: Mapping[str, Callable[[State, Content], None]] = MappingProxyType(
    {
        "began": _began,
        "tokens_pinned": _tokens,
        "law_adopted": _law,
        "law_dropped": _law_dropped,
        "motion_carried": _motion,
        "wallet_marked": _marked,
        "wallet_reinstated": _reinstated,
        "wallet_activated": _activated,
        "frozen": _frozen,
        "resumed": _resumed,
        "epoch": _epoch,
        "approval_seen": _approval,
        "veto_seen": _veto,
        "order_recorded": _order,
        "attempt_recorded": _attempt,
        "attempt_signed": _signed,
    }
)


def stored(book: Book) -> State:
    """Return the same state as the tables hold it."""
    ask = book.connection.execute
    state: State = dict(
        ask("SELECT name, value FROM meta WHERE name IN ('deployment', 'frozen', 'epoch')")
    )
    state |= {f"token {n}": serial for n, serial in ask("SELECT name, serial FROM tokens")}
    laws = ask("SELECT text, active_from, dropped FROM laws ORDER BY seq")
    for number, (text, active_from, dropped) in enumerate(laws):
        ending = ", dropped" if dropped else ""
        digest = to_hex(keccak256(text.encode()))  # a law's digest is over its canonical text
        state[f"law {number}"] = f"{digest} from {active_from}{ending}"
    state |= {f"motion {to_hex(m)}": k for m, k in ask("SELECT motion_id, kind FROM motions")}
    state |= {f"mark {wallet}": mark for wallet, mark in ask("SELECT wallet, mark FROM marks")}
    state |= {f"active {pool}": wallet for pool, wallet in ask("SELECT pool, wallet FROM active")}
    for table, word in (("approvals", "approval"), ("vetoes", "veto")):
        rows = ask(f"SELECT digest, signer, signature FROM {table}")  # noqa: S608 - our own names
        state |= {f"{word} {to_hex(d)} {signer}": to_hex(s) for d, signer, s in rows}
    rows = ask("SELECT order_id, nonce FROM orders WHERE nonce IS NOT NULL")
    state |= {f"nonce of {to_hex(o)}": str(nonce) for o, nonce in rows}
    for order_id, number, digest, hash_ in ask(
        "SELECT order_id, attempt, digest, hash FROM attempts"
    ):
        state[f"attempt {to_hex(order_id)} {number}"] = to_hex(digest)
        if hash_ is not None:
            state[f"hash {to_hex(order_id)} {number}"] = to_hex(hash_)
    return state
