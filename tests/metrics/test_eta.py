import math

import pytest
from everybatch.metrics.eta import Eta


def test_unknown_before_the_first_epoch_ends():
    assert math.isnan(Eta(10).seconds_left(0))


def test_the_mean_of_the_newest_epochs_times_what_is_left():
    eta = Eta(epochs=10)
    for seconds in (100.0, 10.0, 10.0, 10.0, 10.0, 10.0):  # the slow first one is forgotten
        eta.epoch_done(seconds, 5, 5)
    assert eta.seconds_left(6) == pytest.approx(40.0)
    assert eta.seconds_left(10) == 0.0


def test_checkpoints_take_time_too():
    eta = Eta(epochs=4)
    eta.epoch_done(10.0, 5, 5)
    eta.saved(1.0)
    eta.saved(1.0)
    eta.epoch_done(10.0, 5, 5)  # its own checkpoint is still to come
    assert eta.seconds_left(2) == pytest.approx(2 * 12.0)


def test_right_after_a_resume_in_the_middle_of_an_epoch():
    eta = Eta(epochs=20)
    eta.epoch_done(4.0, batches_done=40, batches=100)  # epoch 10, resumed at batch 60
    assert eta.seconds_left(10) == pytest.approx(10 * 10.0)
