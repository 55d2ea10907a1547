"""Answer a question that was answered since the last commit from memory.

The ledger of a run is written by one thread of one process, so until the next commit every question
has the answer that it had before. Stations, people and judge ask the same ones over and over; the
first asks the file, the others cost nothing. Questions inside a write always ask the file.

    with recalled():
        ledger.read()      # a ledger that puts a fresh `Answers` into the session's info
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any
from unittest import mock

from treasury.ledger import Session, journal, queries

ANSWERS = "answers since the last commit"
Answers = dict[object, Any]


@contextmanager
def recalled() -> Iterator[None]:
    """Let every named question of the ledger look into its session's memory first."""
    with ExitStack() as stack:
        for module in (journal, *_modules()):
            for name, question in _questions(module):
                stack.enter_context(mock.patch.object(module, name, _recalling(question)))
        yield


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(queries.__path__):
        yield import_module(f"{queries.__name__}.{found.name}")


def _questions(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    if module is journal:
        yield from (("head", journal.head), ("tail", journal.tail))
        return
    for name, thing in vars(module).items():
        is_own = inspect.isfunction(thing) and thing.__module__ == module.__name__
        if is_own and next(iter(inspect.signature(thing).parameters), "") == "session":
            yield name, thing


def _recalling(question: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(question)
    def ask(session: Session, *args: object, **named: object) -> Any:  # noqa: ANN401
        answers: Answers | None = session.info.get(ANSWERS)
        if answers is None:
            return question(session, *args, **named)
        try:
            key = (question, args, tuple(named.items()))
            found = answers[key]
        except TypeError:
            return question(session, *args, **named)  # something in it cannot be a key
        except KeyError:
            found = answers[key] = question(session, *args, **named)
        # Whoever asks may work on a dictionary or a list; the memory keeps its own.
        return found.copy() if isinstance(found, (dict, list)) else found

    return ask
