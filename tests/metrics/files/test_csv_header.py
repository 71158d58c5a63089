import csv
import io

import pandas as pd
import pytest
from everybatch.metrics.analysis.tables import read_epochs
from everybatch.metrics.files.csv_header import header_line, read_header
from everybatch.metrics.files.csv_repair import has_columns, repair_csv
from everybatch.metrics.files.csv_rows import BATCH_COLUMNS, EPOCH_COLUMNS, batch_header, epoch_header, epoch_row

from .test_csv_rows import SUMMARY

NAMES = [
    ("dice",), ("a,b", "c"), ('the "best"',), ('"',), ("two\nlines", "three\r\nlines"), ("精度，α", "é"),
    (" space ", ""), ("a\tb", "a;b", "a'b"), (',"\n',),
]  # fmt: skip


@pytest.mark.parametrize("names", NAMES)
def test_any_name_of_a_metric_is_read_back_by_all_readers(tmp_path, names):
    import msgspec

    header = epoch_header(names)
    values = [0.5 + number for number in range(len(names))]
    rows = [
        epoch_row(msgspec.structs.replace(SUMMARY, epoch=epoch, val_loss=0.1, val_metrics=tuple(values)), names)
        for epoch in (1, 2, 3)
    ]
    path = tmp_path / "epoch_metrics_x.csv"
    path.write_bytes((header + "".join(rows) + rows[2][:20]).encode())
    columns = [*EPOCH_COLUMNS, *(f"val_{name}" for name in names)]
    assert read_header(path) == (columns, header.encode())
    assert next(csv.reader(io.StringIO(header, newline=""))) == columns
    assert has_columns(path, columns)
    assert not has_columns(path, [*EPOCH_COLUMNS, "val_other"])
    table, repairs = read_epochs([path])
    assert (len(table), repairs.damaged, repairs.extra) == (3, 1, [])
    assert [table[f"val_{name}"].tolist() for name in names] == [[value] * 3 for value in values]
    repair = repair_csv(path, "epoch", 2)
    assert (repair.first, repair.last, repair.dropped, repair.damaged) == (1, 2, 1, 1)
    assert path.read_bytes() == (header + "".join(rows[:2])).encode()
    assert pd.read_csv(path).columns.tolist() == columns


def test_ordinary_names_have_no_quotes():
    assert (
        epoch_header(("dice", "Dice_1 (%)", "精度"))
        == ",".join([*EPOCH_COLUMNS, "val_dice", "val_Dice_1 (%)", "val_精度"]) + "\n"
    )
    assert batch_header() == ",".join(BATCH_COLUMNS) + "\n"


@pytest.mark.parametrize(
    ("start", "columns", "taken"),
    [
        (b"", [], b""),
        (b"epoch,avg_loss", [], b""),
        (b'epoch,"a', [], b""),
        (b"epoch,loss\n1,2\n", ["epoch", "loss"], b"epoch,loss\n"),
        (b"\xef\xbb\xbfepoch,loss\r\n1,2\r\n", ["epoch", "loss"], b"\xef\xbb\xbfepoch,loss\r\n"),
        (b'epoch,val_a"b\n1,2\n', ["epoch", 'val_a"b'], b'epoch,val_a"b\n'),  # as version 0.1 wrote it
    ],
)
def test_headers_in_any_state(tmp_path, start, columns, taken):
    path = tmp_path / "f.csv"
    path.write_bytes(start)
    assert read_header(path) == (columns, taken)


def test_a_line_that_needs_no_quotes_is_as_it_was():
    assert header_line(["a", "b"]) == "a,b\n"
