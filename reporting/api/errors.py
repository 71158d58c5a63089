"""A mistake of who calls us, as an exception that reads well in a traceback."""

from __future__ import annotations

from ...errors import UsageError
from ...log.catalogue import Catalogue
from ...log.language import default_language


class ArgumentError(UsageError, ValueError):
    """An argument that cannot be used, or a call at the wrong time."""

    def __str__(self) -> str:
        return said(self.key, **self.fields)


def said(key: str, **fields: str | int | float) -> str:
    """A text of the catalogue in the language of this process."""
    return Catalogue(default_language()).text(key, **fields)
