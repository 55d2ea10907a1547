"""Answer a question from memory for as long as nothing that it read was written.

The ledger of a run is written by one thread of one process. So a question has the answer that it
had before until somebody commits to a table that it looked into, and stations, people and judge ask
the same ones over and over. The first asks the file, the others cost nothing.

    memory = Memory()
    watch(engine)                                  # its statements tell which tables they touch
    engine.execution_options(**{MEMORY: memory})   # to whom they tell it
    session.info[MEMORY] = memory                  # what a session of that engine may recall;
    session.info[LEARNS] = True                    # what it asks the file is kept (readers alone)
    with recalled():
        standings.law(session)                     # asks the file
        standings.law(session)                     # does not
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

from sqlalchemy import Connection, Engine, event
from sqlmodel import SQLModel

from treasury.ledger import Session, journal, queries

MEMORY, LEARNS = "memory", "learns"
_WORD = re.compile(r"\w+")
_WRITES = ("INSERT", "UPDATE", "DELETE")
Question = Callable[..., Any]


class _Known(NamedTuple):
    """An answer, and how often each table that it came from had been written by then."""

    answer: Any
    versions: tuple[tuple[str, int], ...]


class Memory:
    """What is known of one open ledger."""

    def __init__(self) -> None:
        """Know nothing."""
        self._known: dict[object, _Known] = {}
        self._versions: Counter[str] = Counter()
        self._written: set[str] = set()
        self._looking: list[set[str]] = []

    def touch(self, statement: str) -> None:
        """Take note of a statement that is about to run."""
        tables = _tables_in(statement)
        if statement.startswith(_WRITES):
            self._written |= tables
        elif self._looking:
            self._looking[-1] |= tables

    def settle(self, *, is_committed: bool) -> None:
        """Forget what depends on the tables that the transaction wrote, when it came to that."""
        if is_committed:
            self._versions.update(self._written)
        self._written.clear()

    def recall(self, key: object) -> _Known | None:
        """Return what is known, unless a table that it came from was written since."""
        found = self._known.get(key)
        if found is None:
            return None
        for table, version in found.versions:
            if self._versions[table] != version or table in self._written:
                return None
        if self._looking:
            self._looking[-1].update(table for table, _ in found.versions)
        return found

    def learn(self, key: object, ask: Callable[[], Any]) -> _Known:
        """Ask, and keep the answer with the tables that it came from."""
        self._looking.append(set())
        try:
            answer = ask()
        finally:
            tables = self._looking.pop()
            if self._looking:
                self._looking[-1] |= tables
        versions = tuple((table, self._versions[table]) for table in sorted(tables))
        self._known[key] = found = _Known(answer, versions)
        return found


@functools.lru_cache(maxsize=4096)
def _tables_in(statement: str) -> frozenset[str]:
    # A column that is named like a table only makes the answer be forgotten sooner.
    return frozenset(_WORD.findall(statement)) & SQLModel.metadata.tables.keys()


def watch(engine: Engine) -> Engine:
    """Let an engine tell each statement to the memory of its connection, where it has one."""
    event.listen(engine, "before_cursor_execute", _tell)
    return engine


def _tell(connection: Connection, _cursor: object, statement: str, *_others: object) -> None:
    options = connection.get_execution_options()
    memory: Memory | None = options.get(MEMORY)
    if memory is None:
        return
    is_reader = options.get("reads_only", False)
    assert not (is_reader and statement.startswith(_WRITES)), f"a reader writes: {statement}"
    memory.touch(statement)


@contextmanager
def recalled() -> Iterator[None]:
    """Let every named question of the ledger look into its session's memory first."""
    with ExitStack() as stack:
        for module, name, asking in _all_questions():
            stack.enter_context(mock.patch.object(module, name, asking))
        yield


@functools.cache
def _all_questions() -> tuple[tuple[ModuleType, str, Question], ...]:
    return tuple(
        (module, name, _recalling(question))
        for module in (journal, *_modules())
        for name, question in _questions(module)
    )


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(queries.__path__):
        yield import_module(f"{queries.__name__}.{found.name}")


def _questions(module: ModuleType) -> Iterator[tuple[str, Question]]:
    if module is journal:
        yield from (("head", journal.head), ("tail", journal.tail))
        return
    for name, thing in vars(module).items():
        is_own = inspect.isfunction(thing) and thing.__module__ == module.__name__
        if is_own and next(iter(inspect.signature(thing).parameters), "") == "session":
            yield name, thing


def _holds_lines(session: Session) -> bool:
    """Say whether journal lines of this transaction are not in the file yet."""
    return journal.LAST in session.info


def _recalling(question: Question) -> Question:
    @functools.wraps(question)
    def ask(session: Session, *args: object, **named: object) -> Any:  # noqa: ANN401
        memory: Memory | None = session.info.get(MEMORY)
        if memory is None or _holds_lines(session) or session.new or session.dirty:
            return question(session, *args, **named)
        key = (question, args, tuple(named.items())) if named else (question, args)
        try:
            found = memory.recall(key)
        except TypeError:
            return question(session, *args, **named)  # something in it cannot be a key
        if found is None and LEARNS not in session.info:
            return question(session, *args, **named)
        if found is None:
            if len(session.identity_map):
                session.expunge_all()  # a row that is held would be found without a statement
            found = memory.learn(key, lambda: question(session, *args, **named))
        # Whoever asks may work on a dictionary or a list; the memory keeps its own.
        answer = found.answer
        return answer.copy() if isinstance(answer, (dict, list)) else answer

    return ask
