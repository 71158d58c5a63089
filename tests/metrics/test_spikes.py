"""Spikes of losses of any sign and any tail: found when they are there, and not made up."""

import math

import numpy as np
import pytest
from everybatch.metrics.analysis.spikes import isolated, spike_limits
from everybatch.metrics.anomalies.spikes import SpikeWatch

N = 2000
STEPS = np.arange(N)


def zeros(share, values):
    return lambda random: np.where(random.random(N) < share, 0.0, values(random))


HEALTHY = {
    "positive": lambda random: 1 + 0.3 * random.standard_normal(N),
    "negative": lambda random: -0.8 + 0.1 * random.standard_normal(N),
    "negative and loud": lambda random: -1 + 0.4 * random.standard_normal(N),
    "around zero": lambda random: random.standard_normal(N),
    "large and negative": lambda random: -5000 + 3 * random.standard_normal(N),
    "from positive to negative": lambda random: np.linspace(2, -3, N) + 0.05 * random.standard_normal(N),
    "a straight line": lambda random: np.linspace(1, 0.001, N),
    "a straight line through zero": lambda random: np.linspace(1, -1, N),
    "a straight line upwards": lambda random: np.linspace(0.1, 1, N),
    "constant": lambda random: np.full(N, 0.5),
    "constant and negative": lambda random: np.full(N, -0.5),
    "zero": lambda random: np.zeros(N),
    "half zeros": zeros(0.5, lambda random: random.random(N)),
    "mostly zeros": zeros(0.8, lambda random: random.exponential(0.3, N)),
    "mostly zeros and equal": zeros(0.9, lambda random: 0.7 + 0.02 * random.standard_normal(N)),
    "hardly ever not zero": zeros(0.97, lambda random: random.random(N)),
    "hinge": lambda random: np.maximum(0, 0.2 - np.abs(random.standard_normal(N))),
    "every tenth is hard": lambda random: np.where(STEPS % 10 == 0, 5, 1) + 0.05 * random.standard_normal(N),
    "falling": lambda random: 0.08 + 0.6 * np.exp(-STEPS / 900) + 0.02 * random.standard_normal(N),
    "falling fast": lambda random: np.exp(-STEPS / 200) * (1 + 0.3 * random.standard_normal(N)),
    "log-normal": lambda random: random.lognormal(0, 1, N),
    "log-normal and negative": lambda random: random.lognormal(0, 0.7, N) - 20,
    "exponential": lambda random: random.exponential(1, N),
    "student": lambda random: random.standard_t(4, N),
    "tiny": lambda random: 1e-9 * (1 + 0.2 * random.standard_normal(N)),
    "huge": lambda random: 1e12 * (1 + 0.2 * random.standard_normal(N)),
}

RISES = {
    "positive": 8.0, "negative": 3.0, "negative and loud": 12.0, "around zero": 30.0, "large and negative": 3000.0,
    "from positive to negative": 6.0, "a straight line": 3.0, "a straight line through zero": 3.0, "constant": 2.0,
    "constant and negative": 2.0, "half zeros": 30.0, "mostly zeros": 100.0, "mostly zeros and equal": 60.0,
    "hinge": 10.0, "falling": 2.0, "tiny": 2e-8, "huge": 2e13, "student": 200.0, "exponential": 300.0,
}  # fmt: skip


def spikes_of(losses):
    watch = SpikeWatch()
    return [place for place, loss in enumerate(losses.tolist()) if watch.is_spike(loss)]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_loss_has_no_spikes_whatever_its_sign_and_its_tail(name):
    made_up = [len(spikes_of(HEALTHY[name](np.random.default_rng(seed)))) for seed in range(10)]
    # one in ten thousand is what a heavy tail may cost
    assert sum(made_up) <= (2 if name in ("log-normal", "log-normal and negative", "student") else 0)


@pytest.mark.parametrize("name", RISES)
def test_spikes_are_found_where_they_are(name):
    for seed in range(5):
        losses = HEALTHY[name](np.random.default_rng(seed))
        places = [300, 777, 778, 1500, 1900]
        losses[places] += RISES[name]
        assert spikes_of(losses) == places


def test_a_loss_that_jumps_to_another_level_is_told_for_a_moment_only():
    random = np.random.default_rng(0)
    losses = np.where(STEPS < 1000, 0.1, 2.0) + 0.01 * random.standard_normal(N)
    assert set(spikes_of(losses)) <= set(range(1000, 1032))


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("count", [0, 15, 16, 17, 63, 64, 100, N])
def test_an_analysis_judges_as_the_monitor_does(name, count):
    losses = HEALTHY[name](np.random.default_rng(1))
    losses[[700, 1200]] += 10 * (np.abs(losses).max() + 1e-3)
    losses = losses[:count]
    medians, limits = spike_limits(losses)
    assert np.flatnonzero(losses > limits).tolist() == spikes_of(losses)
    watch, compared = SpikeWatch(), []
    for loss in losses.tolist():
        compared.append(watch.median)
        watch.is_spike(loss)
    np.testing.assert_allclose(medians, compared)


def test_what_is_no_number_is_no_spike_and_changes_nothing():
    losses = HEALTHY["negative"](np.random.default_rng(0))
    losses[1000] = 5.0
    watch = SpikeWatch()
    found = []
    for place, loss in enumerate(losses.tolist()):
        assert not watch.is_spike(math.nan)
        assert not watch.is_spike(math.inf)
        found += [place] if watch.is_spike(loss) else []
    assert found == [1000]


@pytest.mark.parametrize("sign", [1.0, -1.0, 0.0])
def test_epochs_that_stand_out_do_so_with_any_sign(sign):
    random = np.random.default_rng(0)
    largest = sign + 0.05 * random.standard_normal(40)
    around = np.full(40, np.median(largest))
    assert isolated(largest, around, 1.0).tolist() == []
    largest[[12, 30]] += 4
    assert isolated(largest, around, 1.0).tolist() == [12, 30]


def test_epochs_that_are_mostly_zero_do_not_stand_out():
    random = np.random.default_rng(0)
    largest = np.where(random.random(60) < 0.8, 0.0, random.random(60))
    assert isolated(largest, np.zeros(60), 1.0).tolist() == []
