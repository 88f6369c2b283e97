"""PCRE2 as HAProxy uses it, for tests: without capturing groups, just in time compiled, on bytes.

As in `regex_comp` and `regex_exec2` of HAProxy 2.6 (src/regex.c).
"""

import contextlib
import ctypes
import ctypes.util

import pytest

_CASELESS, _NO_AUTO_CAPTURE, _JIT_COMPLETE = 0x8, 0x2000, 0x1
_name = ctypes.util.find_library("pcre2-8") or "libpcre2-8.so.0"
_LIBRARY: ctypes.CDLL | None = None
with contextlib.suppress(OSError):
    _LIBRARY = ctypes.CDLL(_name)
needs_pcre2 = pytest.mark.skipif(_LIBRARY is None, reason="libpcre2-8 is not installed")


class Refused(Exception):
    """PCRE2 does not compile the expression."""


def found(expression: str, subject: str, *, caseless: bool = False) -> bool:
    """Whether the expression is found in the subject. Raises Refused."""
    assert _LIBRARY is not None
    _LIBRARY.pcre2_compile_8.restype = _LIBRARY.pcre2_match_data_create_8.restype = ctypes.c_void_p
    pattern, data = expression.encode(), subject.encode()
    code, offset = ctypes.c_int(), ctypes.c_size_t()
    options = ctypes.c_uint32(_NO_AUTO_CAPTURE | (_CASELESS if caseless else 0))
    length = ctypes.c_size_t(len(pattern))
    made = _LIBRARY.pcre2_compile_8(pattern, length, options, ctypes.byref(code), ctypes.byref(offset), None)
    if not made:
        raise Refused(f"{expression!r}: error {code.value} at {offset.value}")
    compiled = ctypes.c_void_p(made)
    room = ctypes.c_void_p(_LIBRARY.pcre2_match_data_create_8(ctypes.c_uint32(1), None))
    try:
        if _LIBRARY.pcre2_jit_compile_8(compiled, ctypes.c_uint32(_JIT_COMPLETE)) != 0:
            raise Refused(f"{expression!r}: not to be compiled just in time")
        size, nothing = ctypes.c_size_t(len(data)), ctypes.c_size_t(0)
        return int(_LIBRARY.pcre2_jit_match_8(compiled, data, size, nothing, ctypes.c_uint32(0), room, None)) >= 0
    finally:
        _LIBRARY.pcre2_match_data_free_8(room)
        _LIBRARY.pcre2_code_free_8(compiled)
