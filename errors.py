"""The one exception that a person's mistake raises: its text is in the catalogue, never a traceback."""

from __future__ import annotations


class UsageError(Exception):
    """Something the user gave cannot be used. `key` and `fields` name a text of the catalogue."""

    def __init__(self, key: str, **fields: str | int | float) -> None:
        super().__init__(key, fields)
        self.key = key
        self.fields = fields
