"""A mistake of who calls us, as an exception that reads well in a traceback."""

from __future__ import annotations

from ...errors import UsageError
from ...log.catalogue import Catalogue
from ...log.language import default_language
from ...log.streams import can_say, say_line


class ArgumentError(UsageError, ValueError):
    """An argument that cannot be used, or a call at the wrong time."""

    def __str__(self) -> str:
        return said(self.key, **self.fields)


def said(key: str, **fields: str | int | float) -> str:
    """A text of the catalogue in the language of this process."""
    return Catalogue(default_language()).text(key, **fields)


def say(key: str, **fields: str | int | float) -> None:
    """Tell somebody else's training a text of the catalogue on stderr: in English where that has no Chinese."""
    text = said(key, **fields)
    say_line(text if can_say(text) else Catalogue("en").text(key, **fields))
