import math

import msgspec
from everybatch.metrics.files.csv_rows import batch_header, batch_row, epoch_header, epoch_row
from everybatch.metrics.records import BatchRecord

from ...samples import SUMMARY


def cells(header, row):
    assert header.endswith("\n")
    assert row.endswith("\n")
    return dict(zip(header.rstrip("\n").split(","), row.rstrip("\n").split(","), strict=True))


def test_an_epoch_row_has_the_promised_columns():
    assert epoch_header(()) == (
        "epoch,avg_loss,min_batch_loss,max_batch_loss,lr,epoch_seconds,eta_hours,val_loss,samples,"
        "samples_per_second,data_wait_seconds,nonfinite_batches,world_size,attempt,status,finished_at\n"
    )
    row = cells(epoch_header(()), epoch_row(SUMMARY, ()))
    assert (row["epoch"], row["avg_loss"], row["eta_hours"], row["status"]) == (
        "15",
        "0.0723161234",
        "0.75",
        "completed",
    )
    assert row["finished_at"][:4] == "2023"
    assert row["finished_at"][-6] in "+-"


def test_what_was_not_computed_is_empty_and_what_is_no_number_says_so():
    summary = msgspec.structs.replace(SUMMARY, avg_loss=math.nan, max_batch_loss=math.inf)
    row = cells(epoch_header(("dice", "iou")), epoch_row(summary, ("dice", "iou")))
    assert (row["val_loss"], row["val_dice"], row["val_iou"]) == ("", "", "")
    assert (row["avg_loss"], row["max_batch_loss"]) == ("nan", "inf")


def test_metrics_stand_in_the_columns_of_their_names():
    summary = msgspec.structs.replace(SUMMARY, val_loss=0.1, val_metrics=(0.9, 0.8))
    row = cells(epoch_header(("dice", "iou")), epoch_row(summary, ("dice", "iou")))
    assert (row["val_loss"], row["val_dice"], row["val_iou"]) == ("0.1", "0.9", "0.8")


def test_a_batch_row_has_the_promised_columns_and_round_trips_float32():
    loss = 0.49823400378227234  # a float32
    record = BatchRecord(1, 1, 2, loss, 0.001, 0.4, 0.6, 0.085, 0.001, 8, 12.5, 1)
    assert batch_header() == (
        "epoch,batch,step,loss,lr,min_rank_loss,max_rank_loss,step_seconds,data_wait_seconds,samples,"
        "elapsed_seconds,attempt\n"
    )
    row = cells(batch_header(), batch_row(record))
    assert abs(float(row["loss"]) - loss) < 1e-9
    assert (row["epoch"], row["batch"], row["step"], row["samples"], row["attempt"]) == ("1", "1", "2", "8", "1")


def test_no_number_is_minus_zero():
    nothing = -0.0
    record = BatchRecord(1, 0, 1, nothing, nothing, nothing, nothing, 0.1, nothing, 8, 0.1, 1, (nothing,))
    assert ",-0" not in batch_row(record, 1)
    summary = msgspec.structs.replace(
        SUMMARY,
        avg_loss=nothing,
        min_batch_loss=nothing,
        max_batch_loss=nothing,
        val_loss=nothing,
        val_metrics=(nothing,),
    )
    assert ",-0" not in epoch_row(summary, ("dice",))
