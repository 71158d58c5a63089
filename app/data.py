"""``everybatch data DIR``: what a folder of pictures and masks holds, without a training."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ..engine.pictures.folder import Folder, read_folder
from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..run.paths import is_file, is_folder, real
from ..run.reading_progress import ReadingProgress, now_and_then
from .arguments import parse
from .data_facts import sides_of
from .data_flags import PROGRAM, DataConfig
from .data_report import print_data, print_warnings
from .report_console import report_console
from .shown_pairs import chosen, shown_pair
from .small_sheet import MOST_COLUMNS, PIXELS, can_show, how_many, print_sheet

SUFFIX = ".png"
EXIT_NOT_WRITTEN = 1


def data(arguments: Sequence[str], catalogue: Catalogue) -> int:
    """Report what training would be on; 0, or 1 where the picture could not be written. Raises `UsageError`."""
    config = parse(DataConfig, arguments, PROGRAM)
    where = _one_folder(config.folders)
    path = _sheet_path(where, config.out)
    folder = _read(where, config, catalogue)
    if is_file(path) and real(path) in _files_of(folder):
        raise UsageError("out_is_picture", path=str(path))
    sides = sides_of(folder)
    console = report_console()
    print_data(console, folder, sides, catalogue)
    wide = report_console(MOST_COLUMNS)
    if can_show(wide):
        pairs = [shown_pair(folder, side, pair, PIXELS) for side, pair in chosen(folder, how_many(wide))]
        console.print()
        print_sheet(wide, pairs, catalogue)
    console.print()
    sys.stdout.flush()  # the rest may take a second
    written = _write_sheet(path, where, folder, console, catalogue)
    print_warnings(console, folder, sides, catalogue)
    return 0 if written else EXIT_NOT_WRITTEN


def _one_folder(named: Sequence[str]) -> Path:
    if len(named) != 1:
        raise UsageError("data_one_folder", command=PROGRAM)
    folder = Path(named[0])
    if not is_folder(folder):
        raise UsageError("data_missing", path=str(folder))
    return folder


def _sheet_path(where: Path, out: Path | None) -> Path:
    """The file to write: in the current folder, or beside the pictures' folder where that is the current one.

    What is written among pictures might be taken for one of them.
    """
    folder = real(where)
    name = f"data_{folder.name}{SUFFIX}" if folder.name else f"data{SUFFIX}"
    if out is None:
        here = real(Path.cwd())
        return folder.parent / name if here.is_relative_to(folder) else Path(name)
    if is_folder(out):
        return out / name
    if out.suffix.lower() != SUFFIX:
        raise UsageError("out_no_png", path=str(out))
    return out


def _read(where: Path, config: DataConfig, catalogue: Catalogue) -> Folder:
    reading = ReadingProgress(catalogue, sys.stderr)
    try:
        return read_folder(where, classes=config.classes, window=config.window, progress=now_and_then(reading.show))
    finally:
        reading.clear()


def _files_of(folder: Folder) -> set[Path]:
    pairs = (*folder.train, *folder.val)
    return {real(path) for pair in pairs for path in (*pair.files.images, *pair.files.masks)}


def _write_sheet(path: Path, where: Path, folder: Folder, console: Console, catalogue: Catalogue) -> bool:
    """Draw the contact sheet; whether it was written."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells at length where it keeps its cache
    try:
        from .contact_sheet import MOST, PIXELS, draw_sheet
        from .plot_fonts import use_font
    except OSError as error:  # it has no place for a cache at all
        print(catalogue.text("report_no_plots", reason=error.strerror or str(error)), file=sys.stderr)
        return False
    has_font = use_font("zh")  # names may be Chinese in any language
    if catalogue.lang == "zh" and not has_font:
        console.print(catalogue.text("report_no_font"), highlight=False)
    of_sheet = catalogue if has_font else Catalogue("en")
    pairs = [shown_pair(folder, side, pair, PIXELS) for side, pair in chosen(folder, MOST)]
    about = of_sheet.text("pictures_found", train=len(folder.train), val=len(folder.val))
    picture = draw_sheet(real(where).name, about, pairs, folder.meaning, of_sheet)
    try:
        path.write_bytes(picture)
    except OSError as error:
        reason = error.strerror or str(error)
        print(catalogue.text("sheet_not_written", path=str(path), reason=reason), file=sys.stderr)
        return False
    print(catalogue.text("sheet_written", path=str(path), count=len(pairs)))
    return True
