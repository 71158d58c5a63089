import pytest
from everybatch.metrics.files.journal import JournalReader, encode_record
from everybatch.metrics.records import (
    BatchRecord,
    EpochStarted,
    Notice,
    RankState,
    RunEnded,
    RunStarted,
)

RECORDS = [
    RunStarted("20261124_060351", 1, "phantoms", 200, 2, "cpu", "gloo", 1, ("dice",), 1.0),
    EpochStarted(1, 171, 20),
    BatchRecord(1, 0, 1, 0.5, 0.001, 0.4, 0.6, 0.08, 0.01, 8, 1.0, 1),
    Notice("nonfinite", "warning", {"epoch": 1, "value": "nan"}, 1, 3, 2.0),
    RankState(1, 1, 0.5, 0.08, 0.01, 0.05, 2.0),
    RunEnded("failed", "rank 1 …", 0, 0, float("inf"), 3.0, 4.0),
]


def test_every_record_comes_back(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b"".join(map(encode_record, RECORDS)))
    assert JournalReader(path).read() == RECORDS


def test_a_torn_tail_is_the_end_until_the_rest_is_there(tmp_path):
    data = b"".join(map(encode_record, RECORDS))
    path = tmp_path / "journal"
    path.write_bytes(b"")
    reader = JournalReader(path)
    got = []
    with path.open("ab", buffering=0) as file:
        for start in range(0, len(data), 7):
            file.write(data[start : start + 7])
            got += reader.read()
            assert got == RECORDS[: len(got)]
    assert got == RECORDS
    assert reader.read() == []


def test_small_reads_lose_nothing(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(b"".join(map(encode_record, RECORDS * 50)))
    reader = JournalReader(path)
    got = []
    for _ in range(10_000):
        got += reader.read(most_bytes=13)
    assert got == RECORDS * 50


def whole(path):
    reader = JournalReader(path)
    got = []
    while more := reader.read():
        got += more
    return reader, got


def test_a_damaged_record_is_stepped_over_and_counted(tmp_path):
    first, second, third = (encode_record(record) for record in RECORDS[:3])
    path = tmp_path / "journal"
    path.write_bytes(first + second[:10] + b"\xff" + second[11:] + third)
    reader, got = whole(path)
    assert got == [RECORDS[0], RECORDS[2]]
    assert reader.damaged == len(second)
    assert reader.position == len(first + second + third)


@pytest.mark.parametrize("foreign", [b"\x00" * 5000, b"\xff" * 5000, bytes(range(256)) * 20, b"\x80\x04K\x01."])
def test_foreign_bytes_are_stepped_over(tmp_path, foreign):
    path = tmp_path / "journal"
    path.write_bytes(encode_record(RECORDS[0]) + foreign + encode_record(RECORDS[1]))
    reader = JournalReader(path)
    got = reader.read()
    got += reader.read_rest()
    assert got == RECORDS[:2]
    assert reader.damaged == len(foreign)


def test_a_torn_record_in_the_middle_hides_nothing_once_nobody_writes(tmp_path):
    path = tmp_path / "journal"
    long = encode_record(Notice("x", "info", {"text": "y" * 5000}))
    path.write_bytes(encode_record(RECORDS[0]) + long[:100] + encode_record(RECORDS[1]))
    reader, got = whole(path)
    assert got == RECORDS[:1]  # the rest of the long one may still come
    assert reader.read_rest() == RECORDS[1:2]
    assert reader.damaged == 100


def test_a_record_longer_than_a_read_comes_whole(tmp_path):
    path = tmp_path / "journal"
    long = Notice("x", "info", {"text": "y" * 300_000})
    path.write_bytes(encode_record(long) + encode_record(RECORDS[1]))
    reader = JournalReader(path)
    assert reader.read(most_bytes=1000) + reader.read(most_bytes=1000) == [long, RECORDS[1]]


def test_a_reader_goes_on_after_a_torn_tail_was_cut(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(encode_record(RECORDS[0]) + encode_record(RECORDS[1])[:9])
    reader = JournalReader(path)
    assert reader.read() == RECORDS[:1]
    with path.open("r+b") as file:
        file.truncate(len(encode_record(RECORDS[0])))
        file.seek(0, 2)
        file.write(encode_record(RECORDS[2]))
    assert reader.read() == RECORDS[2:3]
    assert reader.damaged == 0
