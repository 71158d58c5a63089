"""What is in a folder of pictures and masks, as lines and tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from ..engine.pictures.class_colours import colour_of
from ..engine.pictures.folder import Folder
from ..engine.pictures.meaning import IGNORED, MaskClass, Meaning, value_text
from ..engine.pictures.split import VALIDATE_EVERY, group_of
from ..engine.task import Said, some_of
from ..log.catalogue import Catalogue, one_line
from .data_facts import Side, number_ranges, sizes, spacings
from .report_console import plain_table

WARNING = ("▲", "yellow")
SWATCH = "■"
MOST_SIZES = 4
MOST_VALUES = 4
"""Of one class."""


def print_data(console: Console, folder: Folder, sides: Sequence[Side], catalogue: Catalogue) -> None:
    """The lines that a training tells, and the tables; without what is to be warned of."""
    for said in folder.said():
        if not _warns(said):
            _print_line(console, catalogue.text(said[0], **said[1]))
    console.print()
    console.print(_facts_table(folder, catalogue))
    console.print()
    console.print(_sides_table(sides, catalogue))
    console.print()
    console.print(_classes_table(console, folder.meaning, sides, catalogue))


def print_warnings(console: Console, folder: Folder, sides: Sequence[Side], catalogue: Catalogue) -> None:
    """What a person should see before they train."""
    mark, style = WARNING
    warnings = [said for said in folder.said() if _warns(said)]
    warnings += [
        (f"data_class_missing_{side.name}", {"name": one.name})
        for label, one in enumerate(folder.meaning.classes)
        for side in sides
        if label and not side.occurs(label)
    ]
    for key, fields in warnings:
        text = catalogue.text(key, **fields)
        if console.is_terminal:
            grid = Table.grid("", Column(overflow="fold"), padding=(0, 1))
            grid.add_row(Text(mark, style=style), Text(text, style="bold"))
            console.print(grid)
        else:
            _print_line(console, f"{mark} {text}")


def _warns(said: Said) -> bool:
    return said[0] == "masks_mostly" or said[0].startswith("left_")


def _print_line(console: Console, text: str) -> None:
    """Whole in a pipe, for grep; a terminal has it broken between words."""
    console.print(Text(text), soft_wrap=not console.is_terminal)


def _facts_table(folder: Folder, catalogue: Catalogue) -> Table:
    grid = Table.grid(Column(style="dim", no_wrap=True), Column(overflow="fold"), padding=(0, 2, 0, 0))
    for key, value in _facts(folder, catalogue):
        grid.add_row(catalogue.text(key), Text(one_line(value)))
    return grid


def _facts(folder: Folder, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    yield "data_sizes", _most_frequent(sizes(folder))
    yield "data_spacing", _most_frequent([(_spacing(one, catalogue), count) for one, count in spacings(folder)])
    yield "data_channels", str(folder.channels)
    yield "data_numbers", ", ".join(_numbers(folder, catalogue))
    if folder.scale.window is not None:
        low, high = folder.scale.window
        yield "data_window", f"{low:g} … {high:g}"
    yield "data_values", folder.meaning.shown()
    yield "data_validation", _validation(folder, catalogue)


def _most_frequent(found: Sequence[tuple[str, int]]) -> str:
    """Each with how many there are of it, and how many there are of all others."""
    more = sum(count for _, count in found[MOST_SIZES:])
    shown = ", ".join(f"{text} ({count})" for text, count in found[:MOST_SIZES])
    return shown + (f" … (+{more})" if more else "")


def _spacing(spacing: tuple[float, ...] | None, catalogue: Catalogue) -> str:
    """In the order of a size: width, height, slices."""
    if spacing is None:
        return catalogue.text("help_unknown")
    return "×".join(f"{one:g}" for one in reversed(spacing)) + " mm"


def _numbers(folder: Folder, catalogue: Catalogue) -> Iterator[str]:
    """Of 8 bit nobody has looked which there are: the format says which there may be."""
    for number, low, high in number_ranges(folder):
        if number == "uint8":
            yield f"uint8 ({catalogue.text('data_range_of_format')})"
        elif number == "uint16":
            bits = catalogue.text("data_bits", bits=folder.scale.bits)
            yield f"uint16 {low:g} … {high:g} ({bits})"
        else:
            yield f"{number} {low:g} … {high:g}"


def _validation(folder: Folder, catalogue: Catalogue) -> str:
    """By which rule, and which pictures or groups."""
    rule, fields = next((said for said in folder.split_said if said[0].startswith("split_")), ("split_by_name", {}))
    names = [pair.files.name for pair in folder.val]
    pairs = len(folder.train) + len(names)
    every = min(VALIDATE_EVERY, pairs)
    if rule == "split_by_group":
        names = list(dict.fromkeys(map(group_of, names)))
        every = min(VALIDATE_EVERY, int(fields["groups"]))
    said = catalogue.text(f"data_{rule}", count=len(names), every=every, path=str(fields.get("path", "")))
    return f"{said}: {some_of(names)}"


def _sides_table(sides: Sequence[Side], catalogue: Catalogue) -> Table:
    made = plain_table()
    made.add_column("")
    for key in ("data_pictures", "data_slices", "data_foreground", "data_without_foreground"):
        made.add_column(catalogue.text(key), justify="right", overflow="fold")
    for side in sides:
        cells = (str(len(side.pairs)), str(side.slices), _percent(side.share, catalogue), str(side.empty))
        made.add_row(catalogue.text(f"data_{side.name}"), *cells)
    return made


def _classes_table(console: Console, meaning: Meaning, sides: Sequence[Side], catalogue: Catalogue) -> Table:
    """One row a class, with its colour if there is any, and one for the void."""
    made = plain_table()
    made.add_column(catalogue.text("data_class"), overflow="fold")
    made.add_column(catalogue.text("data_values_of_class"), overflow="fold")
    for key in ("data_pixels_of", "data_pictures_of"):
        for side in sides:
            title = catalogue.text(key, side=catalogue.text(f"data_{side.name}"))
            made.add_column(title, justify="right", overflow="fold")
    rows = [(label, one.name, _values(meaning, one, label, catalogue)) for label, one in enumerate(meaning.classes)]
    if meaning.void:
        shown = sorted(value_text(value, colour=meaning.coloured) for value in meaning.void)
        rows.append((IGNORED, catalogue.text("data_void"), some_of(shown)))
    for label, name, values in rows:
        shares = [_percent(side.class_share(label), catalogue) for side in sides]
        occurs = [f"{side.occurs(label)}/{len(side.pairs)}" for side in sides]
        made.add_row(_class_cell(console, label, name), escape(one_line(values)), *shares, *occurs)
    return made


def _class_cell(console: Console, label: int, name: str) -> Text:
    if console.color_system is None:
        return Text(one_line(name))
    style = "rgb({},{},{})".format(*colour_of(label)) if label > 0 else "dim"
    return Text.assemble((SWATCH if label > 0 else "·" if label == 0 else "▨", style), f" {one_line(name)}")


def _values(meaning: Meaning, one: MaskClass, label: int, catalogue: Catalogue) -> str:
    if meaning.threshold is not None:
        return f"{'>' if label else '≤'} {meaning.threshold:g}"
    texts = [value_text(value, colour=meaning.coloured) for value in one.values]
    more = len(texts) - MOST_VALUES
    return ", ".join(texts[:MOST_VALUES]) + (f" … (+{more})" if more > 0 else "") if texts else "–"


def _percent(share: float | None, catalogue: Catalogue) -> str:
    if share is None:
        return catalogue.text("help_unknown")
    return f"{100 * share:.1f}%" if share == 0 or share >= 0.001 else "<0.1%"
