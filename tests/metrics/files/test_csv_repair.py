import pytest
from everybatch.metrics.files.csv_repair import has_columns, next_part, parts_of, repair_csv
from everybatch.metrics.files.csv_rows import BATCH_COLUMNS, EPOCH_COLUMNS, batch_header, batch_row
from everybatch.metrics.records import BatchRecord


def row(step):
    return batch_row(BatchRecord(1, step - 1, step, 0.5, 0.001, 0.4, 0.6, 0.08, 0.01, 8, step / 10, 1))


HEADER = batch_header()
ROWS = [row(step) for step in range(1, 11)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "batch_metrics_1.csv"


def test_a_sound_file_is_not_touched(path):
    path.write_text(HEADER + "".join(ROWS))
    repair = repair_csv(path, "step", 10)
    assert (repair.last, repair.dropped, repair.damaged, repair.backup) == (10, 0, 0, None)
    assert path.read_text() == HEADER + "".join(ROWS)
    assert list(path.parent.iterdir()) == [path]


def test_rows_after_the_resume_point_go_and_the_old_file_is_kept(path):
    path.write_text(HEADER + "".join(ROWS))
    inode = path.stat().st_ino
    repair = repair_csv(path, "step", 6)
    assert (repair.last, repair.dropped, repair.damaged) == (6, 4, 0)
    assert path.read_text() == HEADER + "".join(ROWS[:6])
    assert repair.backup == path.with_name(path.name + ".bak")
    assert repair.backup.read_text() == HEADER + "".join(ROWS)
    assert path.stat().st_ino == inode  # `tail -f` goes on
    repair = repair_csv(path, "step", 3)
    assert repair.backup.name.endswith(".bak2")
    assert repair.backup.read_text() == HEADER + "".join(ROWS[:6])


@pytest.mark.parametrize("cut", range(1, len(ROWS[4])))
def test_a_torn_last_line_goes(path, cut):
    path.write_text(HEADER + "".join(ROWS[:4]) + ROWS[4][:cut])
    repair = repair_csv(path, "step", 10)
    assert (repair.last, repair.dropped, repair.damaged) == (4, 0, 1)
    assert path.read_text() == HEADER + "".join(ROWS[:4])


@pytest.mark.parametrize(
    "foreign",
    [
        "\n",
        "hello\n",
        "\x00" * 30 + "\n",
        HEADER,
        "1,2\n",
        ROWS[1],
        ROWS[2].replace("0.5", "x"),
        "1" + "," * 11 + "\n",
    ],
)
def test_foreign_lines_in_the_middle_go(path, foreign):
    path.write_text(HEADER + "".join(ROWS[:3]) + foreign + "".join(ROWS[3:]))
    repair = repair_csv(path, "step", 10)
    assert (repair.last, repair.damaged) == (10, 1)
    assert path.read_text() == HEADER + "".join(ROWS)


def test_values_that_are_missing_or_not_finite_are_whole(path):
    rows = ROWS[0].replace("0.5", "nan") + ROWS[1].replace("0.5", "-inf") + ROWS[2].replace("0.5", "")
    path.write_text(HEADER + rows)
    assert repair_csv(path, "step", 10).last == 3
    assert path.read_text() == HEADER + rows


def test_a_file_that_is_only_a_header_is_fine(path):
    path.write_text(HEADER)
    assert repair_csv(path, "step", 10).last == 0


def test_the_row_of_an_epoch_that_failed_at_its_very_end_goes(path):
    header = "epoch,avg_loss,status,finished_at\n"
    path.write_text(header + "1,0.5,completed,x\n2,0.4,failed,x\n")
    repair = repair_csv(path, "epoch", 2)
    assert (repair.last, repair.dropped) == (1, 1)
    assert path.read_text() == header + "1,0.5,completed,x\n"


def test_another_header_is_told_apart(path):
    path.write_text(HEADER)
    assert has_columns(path, BATCH_COLUMNS)
    assert not has_columns(path, EPOCH_COLUMNS)
    path.write_text(HEADER[:-2])
    assert not has_columns(path, BATCH_COLUMNS)


def test_values_may_stand_behind_the_columns_but_metrics_may_not(path):
    path.write_text(batch_header(("dice", "iou")))
    assert has_columns(path, BATCH_COLUMNS)
    path.write_text(batch_header(("val_dice",)))
    assert not has_columns(path, BATCH_COLUMNS)


def test_the_parts_of_a_file(path):
    assert parts_of(path) == [path]
    second = next_part(path)
    assert second.name == "batch_metrics_1_part2.csv"
    second.write_text(HEADER)
    assert parts_of(path) == [path, second]
    assert next_part(path).name == "batch_metrics_1_part3.csv"
