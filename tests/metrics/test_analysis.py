"""Findings must be right: each fault is found with its figures, and a healthy run gives no alarm."""

import numpy as np
import pytest
from everybatch.app.report import finding_texts
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.analysis.analysis import analyse
from everybatch.metrics.analysis.run_files import RunFiles, runs_in
from everybatch.metrics.files.journal import encode_record
from everybatch.metrics.records import RankState

from .synthetic import Run, alarms


def analysis_of(run, folder, *, with_batches=True):
    (files,) = runs_in(run.write(folder)).values()
    return analyse(files, with_batches=with_batches)


def found(run, folder, *, with_batches=True):
    analysis = analysis_of(run, folder, with_batches=with_batches)
    return {finding.kind: finding for finding in analysis.findings}


HEALTHY = {
    "default": {},
    "long": {"epochs": 200, "pace": 20.0},
    "short": {"epochs": 6, "pace": 3.0},
    "five epochs": {"epochs": 5},
    "noisy batches": {"noise": 0.35},
    "few batches": {"batches": 12, "epochs": 60},
    "slow but fine": {"pace": 25.0},
    "still falling": {"pace": 60.0, "epochs": 60},
    "large losses": {"start": 900.0, "end": 20.0, "jitter": 2.0},
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_gives_no_alarm(tmp_path, name, seed):
    assert alarms(found(Run(seed=seed, **HEALTHY[name]), tmp_path)) == set()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", ["no validation", "long tail", "cosine", "steps of the rate", "validation above"])
def test_a_healthy_run_of_another_kind_gives_no_alarm(tmp_path, case, seed):
    run = Run(seed=seed)
    if case == "no validation":
        run.val = None
    if case == "long tail":
        run.loss *= np.exp(0.3 * run.random.standard_normal(run.loss.shape))
    if case == "cosine":
        run.lr = 1e-3 * (1 + np.cos(np.pi * np.arange(run.epochs) / run.epochs)) / 2
    if case == "steps of the rate":
        run.lr[20:] = 1e-4
    if case == "validation above":
        run.val = run.val + 0.1
    assert alarms(found(run, tmp_path)) == set()


@pytest.mark.parametrize("seed", range(4))
def test_overfitting_is_found_where_validation_turned(tmp_path, seed):
    run = Run(seed=seed, epochs=40, pace=6.0, jitter=0.001)
    epoch = np.arange(1, 41)
    run.val = 0.25 + 0.4 * np.exp(-epoch / 4) + np.where(epoch > 12, 0.006 * (epoch - 12), 0)
    run.val += 0.001 * run.random.standard_normal(40)
    findings = found(run, tmp_path)
    assert alarms(findings) == {"overfitting"}
    figures = findings["overfitting"].figures
    assert figures["epoch"] in (12, 13)
    assert figures["last"] > figures["best"]
    assert figures["train_last"] < figures["train_then"]


def test_a_plateau_is_dated(tmp_path):
    run = Run(epochs=60, pace=3.0, noise=0.05, jitter=0.0005)
    finding = found(run, tmp_path)["plateau"]
    assert finding.severity == "info"
    assert 9 <= finding.figures["epoch"] <= 18


def test_a_run_that_still_falls_is_not_called_a_plateau(tmp_path):
    findings = found(Run(epochs=60, pace=60.0), tmp_path)
    assert "converging" in findings
    assert "plateau" not in findings


def test_a_run_that_learns_nothing(tmp_path):
    run = Run(epochs=20, start=0.7, end=0.698)
    assert alarms(found(run, tmp_path)) == {"not_learning"}


@pytest.mark.parametrize("seed", range(4))
def test_divergence(tmp_path, seed):
    run = Run(seed=seed, epochs=30)
    run.loss[18:] *= (1 + 0.25 * np.arange(12))[:, None]
    run.val = None
    findings = found(run, tmp_path)
    assert "divergence" in alarms(findings)
    assert 16 <= findings["divergence"].figures["epoch"] <= 19


@pytest.mark.parametrize("seed", range(4))
def test_a_rate_that_is_too_high(tmp_path, seed):
    run = Run(seed=seed, epochs=20, start=0.7, end=0.7)
    run.loss *= (1 + np.abs(0.6 * run.random.standard_normal(20)))[:, None]
    run.val = run.loss.mean(axis=1)
    findings = found(run, tmp_path)
    assert "lr_too_high" in alarms(findings)
    assert findings["lr_too_high"].figures["suggested"] == pytest.approx(1e-4)


def test_a_rate_that_is_too_low(tmp_path):
    run = Run(epochs=30)
    run.loss = np.linspace(0.7, 0.55, 30 * 171).reshape(30, 171) * (
        1 + 0.05 * run.random.standard_normal((30, 171))
    )
    run.val = run.loss.mean(axis=1)
    finding = found(run, tmp_path)["lr_too_low"]
    assert finding.severity == "info"
    assert 15 < finding.figures["percent"] < 30


def test_an_unstable_run(tmp_path):
    run = Run(epochs=30)
    run.loss *= np.exp(0.35 * run.random.standard_normal(30))[:, None]
    run.val = None
    assert "unstable" in alarms(found(run, tmp_path))


def test_what_a_step_of_the_rate_did(tmp_path):
    run = Run(epochs=40, pace=5.0, noise=0.05)
    run.lr[25:] = 1e-4
    run.loss[25:] *= 0.7
    finding = found(run, tmp_path)["lr_step"]
    assert finding.figures["epoch"] == 26
    assert (finding.figures["before"], finding.figures["after"]) == (pytest.approx(1e-3), pytest.approx(1e-4))
    assert 20 < finding.figures["percent"] < 40


@pytest.mark.parametrize(("epoch", "batch"), [(3, 57), (1, 100), (40, 170)])
def test_a_spike_is_found_in_its_place(tmp_path, epoch, batch):
    run = Run()
    run.loss[epoch - 1, batch] *= 6
    finding = found(run, tmp_path)["spike"]
    assert finding.severity == "warning"
    assert (finding.figures["count"], finding.figures["epoch"], finding.figures["batch"]) == (1, epoch, batch)
    assert 5 < finding.figures["times"] < 8


def test_a_spike_shows_in_the_epochs_too(tmp_path):
    run = Run()
    run.loss[19, 57] *= 20
    finding = found(run, tmp_path, with_batches=False)["spike"]
    assert (finding.figures["epoch"], finding.variant) == (20, "_epoch")


def test_nan_and_inf_are_errors_with_their_place(tmp_path):
    run = Run()
    run.loss[6, 30] = np.nan
    run.loss[9, 3:5] = np.inf
    analysis = analysis_of(run, tmp_path)
    finding = analysis.findings[0]
    assert (finding.kind, finding.severity) == ("nonfinite", "error")
    assert finding.figures == {"count": 3, "epoch": 7, "batch": 30}
    assert analysis.bad
    finding = analysis_of(run, tmp_path, with_batches=False).findings[0]
    assert finding.figures == {"count": 3, "epoch": 7}


def test_a_run_that_waits_for_data(tmp_path):
    run = Run()
    run.wait[:] = 0.03
    finding = found(run, tmp_path)["data_bound"]
    assert finding.severity == "warning"
    assert 33 < finding.figures["percent"] < 40


def test_a_run_that_slows_down(tmp_path):
    run = Run()
    run.step_seconds *= np.linspace(1, 2, 40)[:, None]
    assert alarms(found(run, tmp_path)) == {"slower"}


def test_one_slow_epoch(tmp_path):
    run = Run()
    run.step_seconds[17] *= 4
    assert found(run, tmp_path, with_batches=False)["slow_epoch"].figures["epoch"] == 18


def test_slow_steps(tmp_path):
    run = Run()
    run.step_seconds[10:, 50] = 3.0
    run.step_seconds[20, 50] = 9.0
    finding = found(run, tmp_path)["slow_steps"]
    assert (finding.figures["epoch"], finding.figures["batch"], finding.figures["count"]) == (21, 50, 30)


def test_batches_that_are_bad_in_every_epoch(tmp_path):
    run = Run()
    run.loss[:, [17, 90]] *= 1.8
    finding = found(run, tmp_path)["bad_batches"]
    assert finding.figures["batches"] == "17, 90"
    assert 60 < finding.figures["percent"] < 100


def test_a_trend_within_the_epochs(tmp_path):
    run = Run(pace=4.0)
    run.loss *= np.linspace(0.8, 1.2, 171)
    finding = found(run, tmp_path)["within_epoch_trend"]
    assert 20 < finding.figures["percent"] < 40


def test_the_noise_and_the_smoothing_it_takes(tmp_path):
    finding = found(Run(noise=0.2), tmp_path)["noise"]
    assert 17 < finding.figures["percent"] < 23
    assert abs(finding.figures["correlation"]) < 0.1
    assert 10 <= finding.figures["window"] <= 30


def test_a_rank_that_holds_up_the_others(tmp_path):
    folder = Run().write(tmp_path)
    journal = tmp_path / "journal"
    states = [
        RankState(rank, step, 0.5, 0.1, 0.0, 0.09 if rank == 2 else 0.03, 0.0)
        for step in range(100)
        for rank in range(4)
    ]
    journal.write_bytes(b"".join(map(encode_record, states)))
    (files,) = runs_in(folder).values()
    files.journal = journal
    (finding,) = [one for one in analyse(files, with_batches=False).findings if one.kind == "straggler"]
    assert finding.figures["rank"] == 2
    assert finding.figures["times"] == pytest.approx(3.0)


def changed(name):
    """A healthy run whose losses are of another kind."""
    random = np.random.default_rng(3)
    run = Run()
    match name:
        case "negative":
            run.loss -= 1.5
        case "large and negative":
            run.loss = 100 * run.loss - 200
        case "from positive to negative":
            run.loss = 4 * run.loss - 1
        case "mostly zero":
            run.loss = np.where(random.random(run.loss.shape) < 0.85, 0, run.loss)
        case "tiny":
            run.loss *= 1e-9
        case "huge":
            run.loss *= 1e12
        case "straight":
            run.loss = np.linspace(1, -1, run.loss.size).reshape(run.loss.shape)
    run.val = 1.01 * run.loss.mean(axis=1)
    return run


KINDS = ["negative", "large and negative", "from positive to negative", "mostly zero", "tiny", "huge", "straight"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("error")
def test_a_healthy_run_raises_no_alarm_whatever_its_losses_are(tmp_path, kind):
    assert alarms(found(changed(kind), tmp_path / "both")) == set()
    assert alarms(found(changed(kind), tmp_path / "epochs", with_batches=False)) == set()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("with_batches", [True, False])
def test_a_spike_is_told_whatever_the_losses_are(tmp_path, kind, with_batches):
    run = changed(kind)
    run.loss[19, 57] += 60 * (np.abs(run.loss).max() if kind in ("tiny", "huge") else 1 + np.abs(run.loss).max())
    finding = found(run, tmp_path, with_batches=with_batches)["spike"]
    assert (finding.figures["count"], finding.figures["epoch"]) == (1, 20)
    for lang in ("zh", "en"):
        said, _ = finding_texts(finding, RunFiles("20261101_000000", tmp_path), Catalogue(lang))
        assert f"{run.loss[19, 57]:.4g}" in said
        assert "nan" not in said
    if kind in ("tiny", "huge"):
        assert finding.figures["times"] > 50
    elif kind in ("negative", "large and negative"):
        assert finding.figures["usual"] < 0
