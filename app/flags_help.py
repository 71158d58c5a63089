"""The help of a command, in both languages; argparse's own has one, and counts wide characters as narrow ones."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..log.catalogue import Catalogue
from ..log.texts import en, zh

HELPS = {"zh": zh.HELP, "en": en.HELP}
FLAG_COLUMN = 26
FLAGS = "[flags]"
"""In a usage."""


def flags_help(kind: type[Any], lang: str, usage: str, about: str = "") -> str:
    """How the command is typed, as in `usage`, and one line for each flag of the dataclass `kind`.

    `about` is the key of a text that says what the command does, if its name and its flags do not.
    A line tells what the flag does, its choices and its default. A field's metadata may say `help`, the text where
    it is another one than that of its name, and `unknown`, the value that it has where nobody knows it.
    """
    catalogue = Catalogue(lang)
    defaults = kind()
    alike = any("_" in field.name for field in dataclasses.fields(kind))
    shown = usage.replace(FLAGS, catalogue.text("help_flags"))
    lines = [catalogue.text("help_usage_alike" if alike else "help_usage", usage=shown), ""]
    if about:
        lines += [catalogue.text(about), ""]
    for field in dataclasses.fields(kind):
        if field.metadata.get("positional"):
            continue
        text = HELPS[lang][field.metadata.get("help", field.name)]
        default = getattr(defaults, field.name)
        notes = [*_choices(kind, field.name)]
        if isinstance(default, bool):
            default = "on" if default else "off"
        elif "unknown" in field.metadata and default == field.metadata["unknown"]:
            default = catalogue.text("help_unknown")
        if default is not None:
            notes.append(catalogue.text("help_default", value=str(default)))
        flag = f"--{field.name}"
        lines.append(f"  {flag:<{FLAG_COLUMN - 2}}{text} [{'; '.join(notes)}]".replace(" []", ""))
    return "\n".join(lines)


def _choices(kind: type[Any], name: str) -> list[str]:
    hint = get_type_hints(kind)[name]
    return ["|".join(get_args(hint))] if get_origin(hint) is Literal else []
