"""Whether there is a validation has one answer, for the loop, the files, the best model and the words."""

import pytest

from ..support import only

EMPTY = {
    "a dataset without samples": "torch.utils.data.TensorDataset(self.x[:0], self.x[:0], self.y[:0])",
    "an empty list": "[]",
}


@pytest.mark.parametrize("kind", EMPTY)
def test_a_validation_set_without_samples_is_no_validation(train, own_task, tmp_path, kind):
    flags = own_task(f"""
        class Own(Tiny):
            def val_data(self):
                return {EMPTY[kind]}
    """)
    run = train(*flags, "--epochs", "2", "--nproc", "1")
    assert (run.code, run.stderr) == (0, "")
    rows = run.rows("epoch")
    assert [row["val_loss"] for row in rows] == ["", ""]
    assert only(tmp_path, "checkpoints/*/best.pt").exists()
    assert "nan" not in run.stdout
    assert "验证" not in run.stdout
    best = min(rows, key=lambda row: float(row["avg_loss"]))
    assert run.stdout.splitlines()[-1] == f"最佳epoch: {best['epoch']}（平均损失 {float(best['avg_loss']):.6f}）"
