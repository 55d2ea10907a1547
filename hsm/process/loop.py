"""One thread, two listening sockets, many bounded connections: requests in, answers out.

Everything that arrived by one turn of the loop goes to the desk as one batch, so that requests
that come together share their commits. A connection that sends rubbish, a giant, or half a
message for too long is answered or closed; it never stops the process.
"""

from __future__ import annotations

import logging
import selectors
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hsm.crashpoints import reach
from hsm.errors import ProtocolError
from hsm.guard.rules import no
from hsm.process.desk import Desk, Door
from hsm.wire.message import (
    DEADLINE_S,
    Answer,
    FrameReader,
    Request,
    Result,
    decode_request,
    encode_answer,
    frame,
)

log = logging.getLogger("hsm")

MOST_CONNECTIONS = 64
MOST_QUEUED = 32
MOST_BATCH = 64
MOST_UNSENT = 1 << 20
TURN_S = 0.5
LOOKS, LOOKING_S = 150, 0.0002
"""How often the loop looks again after an answer before it sleeps, and how long that takes.

Whoever sends one order after the other sends the next as soon as it has the answer, and a
processor that was put to sleep takes longer to come back than that takes. Where nobody is so
quick, or others need the processor, the loop sleeps at once.
"""
_READ_BYTES = 65536


@dataclass(slots=True, eq=False)
class _Caller:
    """One connection: what arrived, what waits for the desk, what is still to be sent."""

    connection: socket.socket
    door: Door
    reader: FrameReader = field(default_factory=FrameReader)
    queue: deque[bytes] = field(default_factory=deque)
    unsent: bytearray = field(default_factory=bytearray)
    midway_since: float | None = None
    is_waiting_to_write: bool = False
    is_closing: bool = False


class Loop:
    """Serves the sockets until told to stop."""

    def __init__(
        self,
        *,
        desk: Desk,
        listeners: Mapping[Door, socket.socket],
        monotonic: Callable[[], float],
    ) -> None:
        """Register the listening sockets; `monotonic` returns seconds that never go back."""
        self._desk = desk
        self._monotonic = monotonic
        self._selector = selectors.DefaultSelector()
        self._callers: list[_Caller] = []
        self._has_answered, self._looking_pays = False, True
        for door, listener in listeners.items():
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, door)

    def turn(self, wait_s: float = TURN_S) -> bool:
        """Wait for something to happen, and answer all of it; tell whether anything happened."""
        happened = self._happened(wait_s)
        for key, events in happened:
            if isinstance(key.data, Door):
                self._accept(key.fileobj, key.data)
            else:
                self._exchange(key.data, events)
        self._serve_batch()
        self._close_the_slow()
        return bool(happened)

    def _happened(self, wait_s: float) -> Sequence[tuple[selectors.SelectorKey, int]]:
        look = self._selector.select
        if any(caller.queue for caller in self._callers):
            return look(0)
        for _ in range(LOOKS if self._has_answered and self._looking_pays and wait_s else 0):
            found = look(0)
            if found:
                return found
        asleep_since = self._monotonic()
        found = look(wait_s)
        if self._has_answered:
            self._has_answered = False
            self._looking_pays = bool(found) and self._monotonic() - asleep_since < LOOKING_S
        return found

    def close(self) -> None:
        """Close every connection and the selector; the listeners stay the owner's."""
        for caller in list(self._callers):
            self._close(caller)
        self._selector.close()

    def _accept(self, listener: object, door: Door) -> None:
        assert isinstance(listener, socket.socket)
        for _ in range(MOST_CONNECTIONS):
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            if len(self._callers) >= MOST_CONNECTIONS:
                connection.close()
                continue
            connection.setblocking(False)
            caller = _Caller(connection=connection, door=door)
            self._callers.append(caller)
            self._selector.register(connection, selectors.EVENT_READ, caller)

    def _exchange(self, caller: _Caller, events: int) -> None:
        if events & selectors.EVENT_READ:
            self._read(caller)
        if events & selectors.EVENT_WRITE:
            self._write(caller)

    def _read(self, caller: _Caller) -> None:
        try:
            data = caller.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(caller)
            return
        try:
            caller.queue.extend(caller.reader.feed(data))
        except ProtocolError as error:
            self._dismiss(caller, str(error))
            return
        caller.midway_since = self._monotonic() if caller.reader.is_midway else None
        if len(caller.queue) > MOST_QUEUED:
            self._dismiss(caller, f"more than {MOST_QUEUED} requests wait on one connection")

    def _serve_batch(self) -> None:
        batch: list[tuple[_Caller, Request]] = []
        for caller in list(self._callers):
            while caller.queue and len(batch) < MOST_BATCH:
                try:
                    batch.append((caller, decode_request(caller.queue.popleft())))
                except ProtocolError as error:
                    self._answer(caller, _broken(str(error)))
        if not batch:
            return
        asked = [(caller.door, request) for caller, request in batch]
        for (caller, _), message in zip(batch, self._desk.answered(asked, _framed), strict=True):
            self._send(caller, message)
        reach("answered")
        self._has_answered = True

    def _answer(self, caller: _Caller, answer: Answer) -> None:
        self._send(caller, _framed(answer))

    def _send(self, caller: _Caller, message: bytes) -> None:
        caller.unsent += message
        self._write(caller)

    def _dismiss(self, caller: _Caller, why: str) -> None:
        caller.queue.clear()
        caller.is_closing = True
        self._answer(caller, _broken(why))

    def _write(self, caller: _Caller) -> None:
        if caller.connection.fileno() < 0:
            return
        try:
            sent = caller.connection.send(caller.unsent) if caller.unsent else 0
            del caller.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._close(caller)
            return
        if len(caller.unsent) > MOST_UNSENT or (caller.is_closing and not caller.unsent):
            self._close(caller)
            return
        if caller.is_waiting_to_write != bool(caller.unsent):
            caller.is_waiting_to_write = bool(caller.unsent)
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if caller.unsent else 0)
            self._selector.modify(caller.connection, events, caller)

    def _close_the_slow(self) -> None:
        late = self._monotonic() - DEADLINE_S
        for caller in list(self._callers):
            if caller.midway_since is not None and caller.midway_since < late:
                self._dismiss(caller, f"half a message for more than {DEADLINE_S:g} s")

    def _close(self, caller: _Caller) -> None:
        if caller in self._callers:
            self._callers.remove(caller)
            self._selector.unregister(caller.connection)
            caller.connection.close()


def _framed(answer: Answer) -> bytes:
    """Return an answer as it goes out; one that is too long is told as an error."""
    try:
        return frame(encode_answer(answer))
    except ProtocolError as error:
        return frame(encode_answer(_broken(str(error))))


def _broken(text: str) -> Answer:
    return Answer(result=Result.ERROR, reasons=(no("bad_request", text),))
