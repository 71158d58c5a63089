"""Hostile bytes: an error or a clean skip, never a crash and never a row that nobody wrote."""

import itertools
import socket
import struct
import threading

import msgspec
from everybatch.metrics.events import BatchEvent, Finished, decode_events, encode_events
from everybatch.metrics.files.csv_repair import repair_csv
from everybatch.metrics.files.csv_rows import batch_header, batch_row
from everybatch.metrics.files.journal import JournalReader, encode_record
from everybatch.metrics.records import (
    BatchRecord,
    EpochStarted,
    Notice,
    RankState,
    RunEnded,
    RunStarted,
    Start,
)
from everybatch.run.protocol import ProtocolError, Reply, Request, receive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES = settings(
    max_examples=1_500,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

count = st.integers(0, 2**40)
number = st.floats(width=64)
text = st.text(max_size=20)
RECORDS = st.one_of(
    st.builds(BatchRecord, *[count] * 3, *[number] * 6, count, number, count),
    st.builds(EpochStarted, count, count, count),
    st.builds(Notice, text, text, st.dictionaries(text, st.one_of(text, count, number), max_size=3), count, count),
    st.builds(RankState, count, count, *[number] * 5),
    st.builds(RunEnded, text, text, count, count, number, number, number),
    st.builds(
        RunStarted, text, count, text, count, count, text, text, count, st.tuples(text), number, st.builds(Start)
    ),
)


@st.composite
def damage(draw, data: bytes) -> bytes:
    """`data` cut, with bytes changed, taken out or put in between."""
    damaged = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(damaged)))
        match draw(st.sampled_from(["cut", "change", "remove", "insert"])):
            case "cut":
                del damaged[place:]
            case "change" if place < len(damaged):
                damaged[place] = draw(st.integers(0, 255))
            case "remove":
                del damaged[place : place + draw(st.integers(1, 30))]
            case "insert":
                damaged[place:place] = draw(st.binary(max_size=30))
    return bytes(damaged)


def pieces_before_damage(written: list[bytes], damaged: bytes) -> int:
    """How many of the pieces that were written still stand at the front."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(b"".join(written), damaged, strict=False))
    untouched = sum(1 for _ in same)
    return sum(end <= untouched for end in itertools.accumulate(map(len, written)))


def same(one, other):
    """Equality that takes a nan for equal to itself."""
    return encode_record(one) == encode_record(other)


def read_all(path):
    reader = JournalReader(path)
    records = []
    while more := reader.read():
        records += more
    records += reader.read_rest()
    reader.close()
    return records, reader


@CASES
@given(st.lists(RECORDS, max_size=6), st.data())
def test_a_damaged_journal_gives_records_that_were_written_and_no_others(tmp_path, records, data):
    path = tmp_path / "journal"
    written = [encode_record(record) for record in records]
    damaged = data.draw(damage(b"".join(written)))
    path.write_bytes(damaged)
    read, reader = read_all(path)
    whole = pieces_before_damage(written, damaged)
    assert [encode_record(record) for record in read[:whole]] == written[:whole]
    left = iter(records)
    assert all(any(same(record, written) for written in left) for record in read), "in their order, none invented"
    assert reader.position <= path.stat().st_size


@CASES
@given(st.binary(max_size=300))
def test_any_bytes_are_no_journal(tmp_path, data):
    path = tmp_path / "journal"
    path.write_bytes(data)
    records, reader = read_all(path)
    assert records == []
    assert reader.damaged <= len(data)


HEADER = batch_header()


@CASES
@given(st.integers(0, 8), st.integers(0, 9), st.data())
def test_a_repaired_csv_holds_whole_rows_that_stood_there(tmp_path, rows, last, data):
    path = tmp_path / "batch_metrics_1.csv"
    for old in tmp_path.glob("*.bak*"):
        old.unlink()
    written = [
        batch_row(BatchRecord(1, step - 1, step, step / 3, 1e-3, 0.1, 0.9, 0.08, 0.01, 8, step / 10, 1)).encode()
        for step in range(1, rows + 1)
    ]
    damaged = data.draw(damage(b"".join(written)))
    path.write_bytes(HEADER.encode() + damaged)
    repair = repair_csv(path, "step", last)
    header, *kept = path.read_bytes().splitlines(keepends=True)
    assert header.decode() == HEADER
    stood = damaged.split(b"\n")
    steps = []
    for row in kept:
        assert row.endswith(b"\n")
        assert row[:-1] in stood
        cells = row[:-1].decode("ascii").split(",")
        assert len(cells) == HEADER.count(",") + 1
        steps.append(int(cells[2]))
    whole = min(last, pieces_before_damage(written, damaged))
    assert steps[:whole] == list(range(1, whole + 1))
    assert steps == sorted(set(steps))
    assert all(step <= last for step in steps)
    assert repair.last == (steps[-1] if steps else 0)
    if repair.backup is not None:
        assert repair.backup.read_bytes() == HEADER.encode() + damaged
    again = repair_csv(path, "step", last)
    assert (again.dropped, again.damaged) == (0, 0)


def received(data, kind):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        sender = threading.Thread(target=lambda: (theirs.sendall(data), theirs.shutdown(socket.SHUT_WR)))
        sender.start()
        try:
            return receive(ours, kind)
        finally:
            sender.join()


@CASES
@given(
    st.one_of(st.binary(max_size=60), st.builds(lambda b: struct.pack("<I", len(b)) + b, st.binary(max_size=60)))
)
def test_any_bytes_are_a_request_or_an_error(data):
    try:
        request = received(data, Request)
    except ProtocolError:
        return
    assert isinstance(request, Request)
    assert isinstance(request.token, str)
    assert isinstance(request.value, int)
    assert request.command in ("pause", "resume", "save", "stop", "stop_after_epoch", "stacks", "interval")


MESSAGES = st.one_of(
    st.builds(Request, text, st.sampled_from(["stop", "interval"]), st.integers(-(2**31), 2**31)),
    st.builds(Reply, st.booleans(), text),
)


@CASES
@given(MESSAGES, st.data())
def test_a_damaged_message_is_another_message_or_an_error(message, data):
    body = msgspec.msgpack.encode(message)
    whole = struct.pack("<I", len(body)) + body
    damaged = data.draw(damage(whole))
    try:
        read = received(damaged, type(message))
    except ProtocolError:
        assert damaged != whole
        return
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(read), type=type(message)) == read
    assert read == message or damaged != whole


@CASES
@given(st.lists(number, max_size=4), st.data())
def test_a_damaged_message_of_a_rank_is_events_or_an_error(losses, data):
    events = [BatchEvent(0, 1, i, i + 1, loss, 0.1, 4, 0.1, 0.0, 0.1, 1.0) for i, loss in enumerate(losses)]
    whole = encode_events([*events, Finished(0, "finished")])
    damaged = data.draw(damage(whole))
    try:
        read = encode_events(decode_events(damaged))
    except msgspec.DecodeError:
        assert damaged != whole
        return
    assert encode_events(decode_events(read)) == read
    assert read == whole or damaged != whole
