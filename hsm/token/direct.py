"""Signs with two plain C calls on the session that the PKCS#11 library opened: its shortest road.

The library's own `sign` builds four objects and compares a dozen mechanisms for every signature.
Here mechanism, handles and buffers are made once per key. Whatever is not a plain success is left
to the library, which asks again for the same digest and knows what each error means. Not
thread-safe, like the process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Protocol

SIGNATURE_BYTES = 64
_DIGEST_BYTES = 32
_CKM_ECDSA = 0x1041
_OK = 0
_SIGN_INIT, _SIGN = 42, 43
_WORD = ctypes.c_ulong

Road = Callable[[bytes], bytes | None]
"""Signs 32 bytes; None: ask the library."""


def no_road(_key: object) -> Road:
    """Return the road that always sends to the library."""
    return lambda _digest: None


class _OpenSession(Protocol):
    handle: int


class OpenKey(Protocol):
    """A key handle of the PKCS#11 library."""

    session: _OpenSession
    handle: int


class _Version(ctypes.Structure):
    _fields_ = (("major", ctypes.c_ubyte), ("minor", ctypes.c_ubyte))


class _Functions(ctypes.Structure):
    """CK_FUNCTION_LIST of PKCS#11 2.40: a version and 68 pointers in a fixed order."""

    _fields_ = (("version", _Version), ("calls", ctypes.c_void_p * 68))


class _Mechanism(ctypes.Structure):
    _fields_ = (("mechanism", _WORD), ("parameter", ctypes.c_void_p), ("length", _WORD))


_INIT_CALL = ctypes.CFUNCTYPE(_WORD, _WORD, ctypes.POINTER(_Mechanism), _WORD)
_SIGN_CALL = ctypes.CFUNCTYPE(
    _WORD,
    _WORD,
    ctypes.c_char_p,
    _WORD,
    ctypes.POINTER(ctypes.c_ubyte),
    ctypes.POINTER(_WORD),
)


def road_of(module: str, key: OpenKey) -> Road:
    """Return the short road for a key of a module that the library has loaded already."""
    found = ctypes.POINTER(_Functions)()
    if ctypes.CDLL(module).C_GetFunctionList(ctypes.byref(found)) != _OK:
        return no_road(key)
    calls = found.contents.calls
    init = _INIT_CALL(calls[_SIGN_INIT])
    sign = _SIGN_CALL(calls[_SIGN])
    mechanism, length = _Mechanism(_CKM_ECDSA, None, 0), _WORD()
    answer = (ctypes.c_ubyte * SIGNATURE_BYTES)()
    session, handle = key.session.handle, key.handle

    def short(digest: bytes) -> bytes | None:
        length.value = SIGNATURE_BYTES
        if init(session, mechanism, handle) != _OK:
            return None
        if sign(session, digest, _DIGEST_BYTES, answer, length) != _OK:
            return None
        return bytes(answer) if length.value == SIGNATURE_BYTES else None

    return short
