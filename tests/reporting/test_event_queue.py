import multiprocessing
import os
import signal
import struct
import threading
import time

from everybatch.reporting.event_queue import EventQueue


def take_all(queue, count):
    messages = []
    deadline = time.monotonic() + 60
    while len(messages) < count:
        assert time.monotonic() < deadline, f"{len(messages)} messages came"
        messages += queue.take()
    return messages


def test_nothing_to_take_is_no_wait():
    assert EventQueue().take() == []


def test_messages_of_any_length_keep_their_order():
    queue = EventQueue()
    sent = [b"", b"a", b"b" * 70_000, b"c" * 1_000_000, *(str(i).encode() for i in range(30_000))]
    writer = threading.Thread(target=lambda: [queue.put(message) for message in sent], daemon=True)
    writer.start()
    assert take_all(queue, len(sent)) == sent
    writer.join()
    assert queue.take() == []


def send_and_die(queue):
    for i in range(100):
        queue.put(str(i).encode())
    os.write(queue._writer.fileno(), struct.pack("!I", 1000) + b"torn")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_within_a_message_leaves_the_others_and_no_wait():
    queue = EventQueue()
    process = multiprocessing.get_context("spawn").Process(target=send_and_die, args=(queue,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert queue.take() == [str(i).encode() for i in range(100)]
    assert queue.take() == []
