"""Every line of a run by its number, in memory that does not grow with the run.

The lines stay in the journal; kept here is where every `BLOCK`-th one begins, and the newest blocks that were read.
"""

from __future__ import annotations

import contextlib
import math
from array import array
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, replace

from .files.journal import JournalReader
from .files.journal_file import JournalFile
from .line_context import Context
from .records import AnyRecord, BatchRecord, Notice

BLOCK = 256
CACHED_BLOCKS = 8
READ_BYTES = 1 << 15
GONE = Notice("line_gone", "warning", {})
"""In the place of a row that somebody cut out of the journal."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `part` of what `record` makes, in its `context`."""

    record: AnyRecord
    part: int
    context: Context


class _Block:
    """The rows of one block, read from the journal only as far as they were needed."""

    def __init__(self, offset: int, context: Context) -> None:
        self.rows: list[Row] = []
        self._offset = offset
        self._context = context

    def read(self, reader: JournalReader, wanted: int) -> None:
        """Go on until there are `wanted` rows, or the journal ends."""
        reader.seek(self._offset)
        while len(self.rows) < wanted:
            records = reader.read(READ_BYTES)
            if not records:
                return
            for record, end in zip(records, [*reader.offsets[1:], reader.position], strict=True):
                lines = self._context.lines_of(record)
                if lines:
                    self.rows += [Row(record, part, self._context) for part in range(lines)]
                self._context = self._context.after(record)
                self._offset = end
                if len(self.rows) >= wanted:
                    return


class LogRows:
    """The rows of a run by their number, which begins with 0."""

    def __init__(self, journal: JournalFile) -> None:
        self.count = 0
        self._reader = JournalReader(journal)
        self._context = Context()
        self._loss = math.nan
        self._firsts = array("Q", [0])
        """Number of the first row of each block. The three below are where that block begins in the journal, the
        context of its first row, and the loss before it."""
        self._offsets = array("Q", [0])
        self._contexts = [self._context]
        self._losses = array("d", [self._loss])
        self._cache: OrderedDict[int, _Block] = OrderedDict()

    def add(self, record: AnyRecord, offset: int) -> None:
        """Take the next record of the journal, which begins at `offset`."""
        lines = self._context.lines_of(record)
        if lines:
            if self.count - self._firsts[-1] >= BLOCK:
                self._firsts.append(self.count)
                self._offsets.append(offset)
                self._contexts.append(self._context)
                self._losses.append(self._loss)
            self.count += lines
        if type(record) is BatchRecord:
            self._loss = record.loss
        else:
            self._context = self._context.after(record)

    def __getitem__(self, number: int) -> Row:
        """The row `number`; raises `IndexError` if there is none."""
        if not 0 <= number < self.count:
            raise IndexError(number)
        index = bisect_right(self._firsts, number) - 1
        place = number - self._firsts[index]
        block = self._cache.get(index)
        if block is None:
            context = replace(self._contexts[index], loss=self._losses[index])
            block = self._cache[index] = _Block(self._offsets[index], context)
            if len(self._cache) > CACHED_BLOCKS:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(index)
        if place >= len(block.rows):
            last = index + 1 == len(self._firsts)
            wanted = (self.count if last else self._firsts[index + 1]) - self._firsts[index]
            with contextlib.suppress(OSError):  # the view finds out that the file cannot be read any more
                block.read(self._reader, wanted)
        return block.rows[place] if place < len(block.rows) else Row(GONE, 0, self._contexts[index])
