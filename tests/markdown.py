"""What a page of Markdown says."""

import re
from pathlib import Path


def blocks(page: Path, kind: str) -> list[str]:
    """The code blocks of a kind, as ``bash`` or, for those without one, the empty text."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    return [block for of_kind, block in found if of_kind == kind]


def commands(page: Path) -> list[str]:
    """The commands of its code blocks, in order."""
    lines = [line for block in blocks(page, "bash") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def shape(page: Path) -> list[str]:
    """Levels of headings, rows of tables, points of lists, code blocks and links: the same in every language."""
    found = re.findall(r"^#+ |^\||^- |^```\w*|\]\([^)#]+", page.read_text("utf-8"), re.M)
    return [part.replace(".zh-CN.md", ".md") for part in found]
