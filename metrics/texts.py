"""Texts that are none in UTF-8: a file's name may hold any bytes, and Python makes lone surrogates of them."""

from __future__ import annotations

from typing import Any

import msgspec


def encode_anyhow(encoder: msgspec.msgpack.Encoder, message: Any) -> bytes:
    """The bytes of a message; what is no text in it becomes escapes."""
    try:
        return encoder.encode(message)
    except UnicodeEncodeError:
        return encoder.encode(_escaped(msgspec.to_builtins(message)))


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list | tuple):
        return [_escaped(inner) for inner in value]
    if isinstance(value, dict):
        return {_escaped(key): _escaped(inner) for key, inner in value.items()}
    return value
