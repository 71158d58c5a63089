import math

import numpy as np
import pytest
from everybatch.metrics.downsample import Downsampled
from everybatch.widgets.curve import LINE, SYMBOLS, VALID, draw

LOSSES = {
    "positive": np.geomspace(10, 1e-3, 200),
    "tiny": np.geomspace(1e-6, 1e-12, 200),
    "negative": -np.geomspace(1e-3, 10, 200),
    "through zero": np.linspace(1, -1, 200),
    "mostly zero": np.where(np.arange(200) % 9 == 0, 0.5, 0.0),
    "zero": np.zeros(400),
    "constant and negative": np.full(400, -2.0),
}


def drawing(losses, validations=(), **options):
    curve = Downsampled()
    for loss in losses.tolist():
        curve.add(loss)
    return draw(curve.curve(), curve.count, list(validations), 40, 10, **options)


@pytest.mark.parametrize("symbols", SYMBOLS)
@pytest.mark.parametrize("log_scale", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_any_sign_is_drawn_in_every_column(name, log_scale, symbols):
    shown = drawing(LOSSES[name], log_scale=log_scale, symbols=symbols)
    assert (shown.kinds == LINE).any(axis=0).all()
    axis = [shown.loss_at(part) for part in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert axis == sorted(axis, reverse=True)
    assert axis[0] == pytest.approx(LOSSES[name].max(), abs=1e-12)
    assert axis[-1] == pytest.approx(LOSSES[name].min(), abs=1e-12)


def test_a_logarithmic_axis_is_one_where_all_losses_are_positive():
    shown = drawing(LOSSES["positive"], log_scale=True)
    assert shown.loss_at(0.5) == pytest.approx(0.1)
    rows = [int((column == LINE).argmax()) for column in shown.kinds.T]
    steps = np.diff(rows)
    assert steps.max() - steps.min() <= 1  # a straight line


def test_small_losses_keep_apart_from_zero_on_an_axis_through_it():
    losses = np.concatenate([np.geomspace(1, 1e-4, 200), np.zeros(20), -np.geomspace(1e-4, 1, 200)])
    shown = drawing(losses, log_scale=True)
    rows = [int((column == LINE).argmax()) for column in shown.kinds.T]
    assert rows == sorted(rows)
    assert len(set(rows)) == 10  # linear, nearly all would lie in the middle


@pytest.mark.parametrize("value", [-3.0, 0.0, 1e-3])
def test_a_validation_has_its_mark_whatever_its_sign(value):
    shown = drawing(LOSSES["through zero"], [(100, value), (150, math.nan)], log_scale=True)
    assert (shown.kinds == VALID).sum() == 1
