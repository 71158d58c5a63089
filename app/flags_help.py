"""The help of a command, in both languages; argparse's own has one, and counts wide characters as narrow ones."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..log.catalogue import Catalogue
from ..log.texts import en, zh

HELPS = {"zh": zh.HELP, "en": en.HELP}
FLAG_COLUMN = 26


def flags_help(kind: type[Any], lang: str, program: str) -> str:
    """One line for each flag of the dataclass `kind`: its choices, what it does, its default.

    A field without a text in the catalogue is no flag but positional.
    """
    catalogue = Catalogue(lang)
    defaults = kind()
    lines = [catalogue.text("help_usage", program=program), ""]
    for field in dataclasses.fields(kind):
        if field.name not in HELPS[lang]:
            continue
        default = getattr(defaults, field.name)
        notes = [*_choices(kind, field.name)]
        if isinstance(default, bool):
            default = "on" if default else "off"
        if default is not None:
            notes.append(catalogue.text("help_default", value=str(default)))
        flag = f"--{field.name}"
        lines.append(
            f"  {flag:<{FLAG_COLUMN - 2}}{HELPS[lang][field.name]} [{'; '.join(notes)}]".replace(" []", "")
        )
    return "\n".join(lines)


def _choices(kind: type[Any], name: str) -> list[str]:
    hint = get_type_hints(kind)[name]
    return ["|".join(get_args(hint))] if get_origin(hint) is Literal else []
