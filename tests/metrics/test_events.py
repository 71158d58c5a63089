import msgspec
import pytest
from everybatch.metrics.events import (
    BatchesDropped,
    BatchEvent,
    CommandTaken,
    EpochBegan,
    EpochEnded,
    Finished,
    Hello,
    RankFailed,
    Saved,
    SaveFailed,
    Validated,
    decode_events,
    encode_events,
)

EVENTS = [
    Hello(0, 4321),
    EpochBegan(0, 1, 171, 20),
    BatchEvent(1, 1, 0, 1, 0.5, 0.001, 4, 0.08, 0.01, 0.05, 123.4),
    BatchesDropped(1, 7),
    Validated(0, 1, 0.25, (0.9,), 1.5),
    EpochEnded(0, 1, "completed", 12.0, 13.5),
    Saved(0, "best", 0.1),
    SaveFailed(0, "last", "No space left on device"),
    CommandTaken(0, "stop", 1, 57),
    RankFailed(1, "ValueError", "原因", "Traceback …", 124.0),
    Finished(0, "finished"),
]


def test_every_event_survives_the_journey_in_order():
    assert decode_events(encode_events(EVENTS)) == EVENTS


def test_a_loss_that_is_not_a_number_travels():
    event = BatchEvent(0, 1, 0, 1, float("nan"), 0.001, 4, 0.08, 0.01, 0.05, 1.0)
    (back,) = decode_events(encode_events([event]))
    assert isinstance(back, BatchEvent)
    assert back.loss != back.loss


@pytest.mark.parametrize("message", [b"", b"\xc1", b"\x91\x91\xa5other", encode_events(EVENTS)[:-3]])
def test_anything_else_is_refused(message):
    with pytest.raises(msgspec.DecodeError):
        decode_events(message)
