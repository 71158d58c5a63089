"""The run process's half of the agreement, with ranks at the other ends of real connections."""

import socket
from types import SimpleNamespace

import pytest
from everybatch.metrics.commands import Command
from everybatch.metrics.events import Standing
from everybatch.metrics.framing import FrameReader
from everybatch.reporting.api.obedience import Obedience
from everybatch.reporting.orders import decode_order
from everybatch.run import agreement as agreements
from everybatch.run.agreement import Agreement
from everybatch.run.listener import SocketQueue


class Rank:
    """A rank whose thread that listens is `hear`."""

    def __init__(self, number, world_size, standings):
        self.socket, theirs = socket.socketpair()
        self.socket.setblocking(False)
        self.queue = SocketQueue(theirs, FrameReader(), [], listens=True)
        self.done = 5
        self.orders = []

        def answer(question, step):
            standings[number] = Standing(number, question, step, self.done, world_size)

        self.obedience = Obedience(number, world_size, lambda: self.done, answer, lambda _: None, lambda: None)
        self._frames = FrameReader()

    def hear(self):
        try:
            messages = self._frames.feed(self.socket.recv(1 << 16))
        except BlockingIOError:
            return
        for message in messages:
            self.orders.append(decode_order(message).kind)
            self.obedience.take(message)

    def step(self):
        self.done += 1
        if self.done >= self.obedience.attention_at:
            self.obedience.attend()


@pytest.fixture
def job():
    """An agreement among as many ranks as the test lets come."""
    standings, notices, ranks = {}, [], []
    waits = SimpleNamespace(more=False)
    agreement = Agreement(
        lambda: list(standings.values()), lambda: waits.more, lambda kind, _, **fields: notices.append(kind)
    )

    def come(number, world_size=2):
        ranks.append(Rank(number, world_size, standings))
        agreement.add(ranks[-1].queue)
        return ranks[-1]

    def turn():
        agreement.work()
        for rank in ranks:
            rank.hear()

    yield SimpleNamespace(agreement=agreement, come=come, turn=turn, notices=notices, waits=waits)
    for rank in ranks:
        rank.socket.close()
        rank.queue.close()


def test_ranks_stop_after_the_step_of_the_one_that_is_furthest(job):
    first, second = job.come(0), job.come(1)
    first.done = 7
    assert job.agreement.ask(Command.STOP)
    for _ in range(3):
        job.turn()
    assert not second.obedience.stop
    while second.done < 8:
        second.step()
    first.step()
    assert (first.done, second.done) == (8, 8)
    assert first.obedience.stop_together
    assert second.obedience.stop_together


def test_a_run_process_that_was_held_up_does_not_decide_for_ranks_that_may_have_given_up(job, monkeypatch):
    first, second = job.come(0), job.come(1)
    job.agreement.ask(Command.STOP)
    job.turn()
    job.turn()
    monkeypatch.setattr(agreements, "ANSWER_SECONDS", -1.0)  # as if it had not run for so long
    job.turn()
    assert "drop" in first.orders
    assert "do" not in first.orders[1:]  # the first one ends a pause
    monkeypatch.undo()
    for _ in range(3):
        job.turn()
    for rank in (first, second):
        rank.step()
        assert rank.obedience.stop_together
    assert not job.notices[1:]


def test_ranks_that_never_answer_are_asked_a_few_times_and_then_it_is_said(job, monkeypatch):
    rank = job.come(0, world_size=1)
    monkeypatch.setattr(agreements, "ANSWER_SECONDS", -1.0)
    job.agreement.ask(Command.SAVE)
    for _ in range(8):
        job.turn()
    assert rank.orders.count("ask") == agreements.TRIES
    assert job.notices == ["loop_save_asked", "not_agreed"]


def test_a_rank_that_comes_while_the_others_are_asked_is_asked_too(job):
    first = job.come(0)
    job.agreement.ask(Command.STOP)
    job.turn()
    second = job.come(1)
    for _ in range(4):
        job.turn()
    first.step()
    second.step()
    assert first.obedience.stop_together
    assert second.obedience.stop_together
    assert "agreed_by_rank_0" not in job.notices


def test_nothing_is_asked_while_another_rank_is_on_its_way(job):
    first = job.come(0)
    job.waits.more = True
    job.agreement.ask(Command.STOP)
    job.turn()
    assert not first.orders
    second = job.come(1)
    job.waits.more = False
    for _ in range(4):
        job.turn()
    assert [rank.orders[-1] for rank in (first, second)] == ["do", "do"]


def test_what_only_rank_0_could_do_is_not_done_but_said(job):
    rank = job.come(0)
    job.agreement.ask(Command.PAUSE)
    for _ in range(3):
        job.turn()
    rank.step()
    assert job.notices == ["loop_pause_asked", "not_by_rank_0"]
