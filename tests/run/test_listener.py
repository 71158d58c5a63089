"""What ranks send through a socket arrives, however much it is."""

from everybatch.metrics.events import BatchEvent, BatchValues, Finished, Warned, decode_events
from everybatch.reporting.reporter import Reporter
from everybatch.reporting.socket_channel import MOST_BYTES, SocketChannel
from everybatch.run.listener import Listener

from ..support import until


def test_all_that_waited_while_nobody_read_arrives():
    queues = []
    listener = Listener(queues.append)
    channel = SocketChannel(listener.address)
    values = {f"{'long name ' * 8}{number}": float(number) for number in range(64)}
    with Reporter(channel, rank=0) as reporter:
        until(lambda: queues)
        for _ in range(4000):
            reporter.values(values)
            reporter.batch(1.0, 0.1, 4)
        reporter.send(Warned(0, "hook_failed", {"error": "x" * (MOST_BYTES + 1)}))
        reporter.send(Finished(0, "finished"))
        messages = []
        until(lambda: _take_all(queues[0], messages) or queues[0].ended, 30)
    channel.end()
    listener.close()
    told = [event for message in messages for event in decode_events(message)]
    assert [event.step for event in told if isinstance(event, BatchEvent)] == list(range(1, 4001))
    assert [event.values for event in told if isinstance(event, BatchValues)] == [values] * 4000
    assert max(map(len, messages)) < MOST_BYTES


def _take_all(queue, messages):
    """Take what has come; whether that was all."""
    while taken := queue.take():
        messages += taken
    return Finished(0, "finished") in decode_events(messages[-1])
