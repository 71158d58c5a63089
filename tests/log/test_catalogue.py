import string

import msgspec
import pytest
from everybatch.errors import UsageError
from everybatch.log.catalogue import TEXTS, Catalogue
from everybatch.log.texts.zh import (
    analysis,
    command_run,
    commands,
    data,
    data_report,
    failures,
    monitor,
    own_loop,
    prediction,
    run,
    task,
)
from everybatch.metrics.duration import duration
from everybatch.metrics.records import BatchRecord, Notice, RunEnded

from ..samples import SUMMARY


def record(epoch, batch, loss, lr=0.001):
    return BatchRecord(epoch, batch, batch + 1, loss, lr, loss, loss, 0.1, 0.0, 8, 1.0, 1)


@pytest.mark.parametrize(
    ("epoch", "batch", "loss", "line"),
    [
        (1, 0, 0.523415, "Epoch [1/200] - 进度 0.0% (0/171) - Batch Loss: 0.523415 - LR: 0.00100000"),
        (1, 1, 0.498234, "Epoch [1/200] - 进度 0.6% (1/171) - Batch Loss: 0.498234 - LR: 0.00100000"),
        (1, 2, 0.476123, "Epoch [1/200] - 进度 1.2% (2/171) - Batch Loss: 0.476123 - LR: 0.00100000"),
        (1, 3, 0.461567, "Epoch [1/200] - 进度 1.8% (3/171) - Batch Loss: 0.461567 - LR: 0.00100000"),
        (15, 10, 0.072156, "Epoch [15/200] - 进度 5.8% (10/171) - Batch Loss: 0.072156 - LR: 0.00100000"),
    ],
)
def test_batch_lines_are_the_guides_byte_for_byte(epoch, batch, loss, line):
    assert Catalogue("zh").batch(record(epoch, batch, loss), epochs=200, batches=171) == line


def test_the_epoch_block_is_the_guides_and_ours_comes_after_inside_the_rules():
    lines = Catalogue("zh").epoch(SUMMARY, epochs=200, batches=171, metric_names=())
    assert lines[:8] == [
        "=" * 80,
        "Epoch [15/200] 完成",
        "平均损失: 0.072316",
        "最小Batch损失: 0.065432",
        "最大Batch损失: 0.083571",
        "学习率: 0.00100000",
        "本epoch用时: 14.52秒",
        "预计剩余时间: 0.75小时",
    ]
    assert lines[8].startswith("吞吐量: ")
    assert lines[9:] == ["=" * 80]


def test_the_two_languages_have_the_same_texts_with_the_same_fields():
    def fields(text):
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    chinese, english = TEXTS["zh"], TEXTS["en"]
    assert {key: fields(text) for key, text in chinese.items()} == {
        key: fields(text) for key, text in english.items()
    }
    assert len(chinese) == sum(
        len(part.TEXTS)
        for part in (
            analysis,
            command_run,
            commands,
            data,
            data_report,
            failures,
            monitor,
            own_loop,
            prediction,
            run,
            task,
        )
    )  # none hides another


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_greps_of_the_guide_find_their_lines_in_both_languages(lang):
    catalogue = Catalogue(lang)
    assert catalogue.batch(record(1, 0, 0.5), 200, 171).startswith("Epoch [")
    assert catalogue.epoch(SUMMARY, 200, 171, ())[1].startswith("Epoch [15/200] ")
    assert "已保存" in catalogue.text("saved_last", path="p")
    assert "已保存" in catalogue.text("saved_best", path="p")


def test_a_text_from_user_code_stays_one_line_and_harms_nothing():
    line = Catalogue("en").text("failed_raised", rank=1, error="E", message="[/red] \x1b[31m{x}\r\nnext 中文")
    assert line == r"rank 1 raised E: [/red] \x1b[31m{x}\r\nnext 中文"


def test_a_users_mistake_is_one_line():
    error = UsageError("at_least", flag="--epochs", least=1, value=0)
    assert Catalogue("zh").error(error) == "错误: --epochs: 必须不小于 1，收到的是 0"
    assert Catalogue("en").error(error) == "error: --epochs: must be at least 1, got 0"


def test_the_end_names_the_best_epoch_by_what_it_was_judged():
    ended = RunEnded("finished", "", 3, 2, 0.125, 3723.0, 0.0)
    assert Catalogue("zh").end(ended, 3, validated=True) == [
        "训练完成: 3/3 个epoch，用时 1:02:03",
        "最佳epoch: 2（验证损失 0.125000）",
    ]
    assert "average loss" in Catalogue("en").end(ended, 3, validated=False)[1]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (59.6, "0:01:00"), (90061, "25:01:01"), (float("nan"), "--")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("loss", "shown"),
    [(2.31, "2.310000"), (2.31e-7, "2.31e-07"), (-2.31e-9, "-2.31e-09"), (2.31e12, "2310000000000")],
)
def test_the_line_of_a_spike_shows_its_loss_whatever_its_size(loss, shown):
    notice = Notice("spike", "warning", {"epoch": 1, "batch": 2, "loss": loss, "median": loss / 10})
    for lang in ("zh", "en"):
        assert shown in Catalogue(lang).notice(notice)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_only_the_lines_of_the_guide_hide_small_numbers(lang):
    losses = dict.fromkeys(("avg_loss", "min_batch_loss", "max_batch_loss"), 1.5e-9)
    summary = msgspec.structs.replace(SUMMARY, **losses, val_loss=2.5e-9, val_metrics=(3.5e-9,))
    catalogue = Catalogue(lang)
    lines = catalogue.epoch(summary, 20, 171, ("dice",))
    shown = [line for line in lines if "e-09" in line]
    assert ["2.5e-09" in line or "3.5e-09" in line for line in shown] == [True, True]
    assert sum("0.000000" in line for line in lines) == 3
    ended = RunEnded("finished", "", 20, 15, 2.5e-9, 100.0, 0.0)
    for validated in (True, False):
        assert "2.5e-09" in catalogue.end(ended, 20, validated=validated)[-1]


@pytest.mark.parametrize("lang", TEXTS)
def test_no_number_of_a_text_stands_there_as_minus_zero(lang):
    for key, text in TEXTS[lang].items():
        fields = [(name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None]
        for least in (-0.0, -1e-12):
            numbers = {name: least if spec else "x" for name, spec in fields}
            assert "-0" not in text.format(**numbers), key


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "3 whole epochs|0 batches were not recorded"),
        (1, "1 whole epoch|1 batch was not recorded"),
        (2, "2 whole epochs|2 batches were not recorded"),
        (11, "11 whole epochs|11 batches were not recorded"),
    ],
)
def test_english_has_a_singular(count, said):
    epochs, batches = said.split("|")
    catalogue = Catalogue("en")
    assert f"Only {epochs}: too few" in catalogue.text("finding_short", epochs=count or 3)
    assert catalogue.text("dropped", rank=1, count=count).endswith(f"of rank 1 was full, {batches}")


def test_one_of_two_counts_is_in_the_singular_by_itself():
    text = Catalogue("en").text("run", run_id="x", task="t", world_size=1, device="cpu", backend="gloo", epochs=2)
    assert text == "Run x: task t, 1 rank (cpu, gloo), 2 epochs"


def test_what_somebody_else_wrote_stays_as_it_is():
    text = Catalogue("en").text(
        "run", run_id="x", task="1 ranks", world_size=1, device="1 epochs", backend="", epochs=1
    )
    assert text.startswith("Run x: task 1 ranks, 1 rank (1 epochs")


def test_chinese_has_none():
    assert Catalogue("zh").text("report_ranks", count=1) == Catalogue("zh").text("report_ranks", count=2).replace(
        "2", "1"
    )
