"""English texts whose number is 1: "1 rank" where the text says "{count} ranks"."""

from __future__ import annotations

import re
from collections.abc import Mapping

COUNTED = re.compile(
    r"(?<!/)\{(?P<field>\w+)\} (?P<kind>(?:whole |optimizer |training )?)"
    r"(?P<noun>rank|epoch|batch|line|row|sample|spike|picture|mask|pair|core|byte|attempt|second|step)(?:es|s)\b"
    r"(?: (?P<verb>are|were|have|do|run|report|hold)\b)?"
)
"""A whole number, what it counts, and what that does."""
OF_ONE = {
    "are": "is",
    "were": "was",
    "have": "has",
    "do": "does",
    "run": "runs",
    "report": "reports",
    "hold": "holds",
}


class Plurals:
    """The texts of a language that has another form for one thing."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._counted = {
            key: forms for key, text in texts.items() if (forms := [_forms(one) for one in COUNTED.finditer(text)])
        }

    def agreeing(self, key: str, text: str, fields: Mapping[str, object]) -> str:
        """The `text` of this key with what is counted in the singular where its field is 1."""
        for field, many, one in self._counted.get(key, ()):
            if str(fields.get(field)) == "1":
                text = text.replace(many, one)
        return text


def _forms(found: re.Match[str]) -> tuple[str, str, str]:
    """The name of the field, and the words for many and for one."""
    field, kind, noun, verb = found["field"], found["kind"], found["noun"], found["verb"]
    one = f"{{{field}}} {kind}{noun}" + (f" {OF_ONE[verb]}" if verb else "")
    return field, found[0], one
