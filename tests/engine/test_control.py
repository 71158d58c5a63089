import os
import socket
import stat
import struct

import msgspec
import pytest
from everybatch.run.control_client import ask
from everybatch.run.control_server import ControlServer
from everybatch.run.protocol import MOST_BYTES, Reply, Request


@pytest.fixture
def server():
    asked = []

    def obey(request):
        asked.append(request)
        return Reply(taken=True)

    server = ControlServer(obey)
    server.open()
    server.asked = asked
    yield server
    server.close()


def test_a_request_with_the_token_is_taken(server):
    assert ask(server.path, Request(server.token, "interval", 10)) == Reply(taken=True)
    assert [(request.command, request.value) for request in server.asked] == [("interval", 10)]


@pytest.mark.parametrize("token", ["", "x" * 32, "é"])
def test_without_the_token_nothing_is_done(server, token):
    assert ask(server.path, Request(token, "stop")) == Reply(taken=False, reason="wrong token")
    assert server.asked == []


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x00",
        struct.pack("<I", MOST_BYTES + 1) + b"x",
        struct.pack("<I", 0xFFFFFFFF),
        struct.pack("<I", 3) + b"abc",
        struct.pack("<I", 10) + b"short",
        *(
            struct.pack("<I", len(body)) + body
            for body in (
                msgspec.msgpack.encode(["token", "rm -rf", 0]),
                msgspec.msgpack.encode({"token": "a"}),
                msgspec.msgpack.encode(["token", "stop", "text"]),
                b"\x80\x04K\x01.",  # a pickle
            )
        ),
    ],
)
def test_what_is_no_request_is_refused_and_the_server_lives_on(server, message):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.path))
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1 << 16)
    assert server.asked == []
    assert ask(server.path, Request(server.token, "save")).taken


def test_only_this_user_can_reach_the_socket(server):
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700
    assert server.path.stat().st_uid == os.getuid()


def test_a_server_that_was_closed_left_no_socket(server):
    server.close()
    assert not server.path.exists()
    with pytest.raises(FileNotFoundError):
        ask(server.path, Request(server.token, "stop"))
