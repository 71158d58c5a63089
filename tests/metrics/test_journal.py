import pytest
from everybatch.metrics.journal import JournalError, JournalReader, encode_record
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


def test_a_damaged_record_is_an_error_not_a_wrong_record(tmp_path):
    data = encode_record(RECORDS[1])
    path = tmp_path / "journal"
    path.write_bytes(data[:4] + b"\xff" * (len(data) - 4))
    with pytest.raises(JournalError, match="journal"):
        JournalReader(path).read()
