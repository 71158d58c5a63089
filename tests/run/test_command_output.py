"""What a command prints is kept as it is, and shown in whole lines."""

import os
import threading

from everybatch.run.command_output import READ_BYTES, OutputReader, writer_to


def read(*pieces):
    """What is kept, and the pieces that are shown, of what a command writes."""
    kept, shown = bytearray(), []
    reading, writing = os.pipe()
    reader = OutputReader(os.fdopen(reading, "rb"), kept.extend, shown.append)

    def write():
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for piece in pieces:
                pipe.write(piece)

    writer = threading.Thread(target=write)
    writer.start()
    writer.join()
    reader.join(60)
    return bytes(kept), shown


def test_lines_are_shown_whole_and_the_rest_at_the_end():
    kept, shown = read(b"a\nb", b"c\r50%", b"\r100%\nno end")
    assert kept == b"".join(shown) == b"a\nbc\r50%\r100%\nno end"
    assert all(piece.endswith((b"\n", b"\r")) for piece in shown[:-1])


def test_what_has_no_end_of_a_line_is_not_held_in_memory():
    text = os.urandom(1 << 14).replace(b"\n", b"").replace(b"\r", b"")
    kept, shown = read(*[text] * 100, b"\n", text)
    assert kept == b"".join(shown) == text * 100 + b"\n" + text
    assert max(map(len, shown)) <= 2 * READ_BYTES


def test_a_stream_on_which_nothing_is_to_block_gets_all():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    text = os.urandom(1 << 20)

    def write():
        with os.fdopen(writing, "w") as stream:
            writer_to(stream)(text)

    thread = threading.Thread(target=write)
    thread.start()
    got = b""
    while data := os.read(reading, 1 << 16):
        got += data
    thread.join()
    os.close(reading)
    assert got == text
