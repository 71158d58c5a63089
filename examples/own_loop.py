"""A training loop of one's own that tells everybatch what it does: epochs, batches, values and validations.

``python examples/own_loop.py`` trains. Stopped, by ``everybatch stop`` or by ``q`` in the monitor, it saves and
ends; started again, it goes on where it was, in the same run.
"""

from pathlib import Path

import everybatch
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

CHECKPOINT = Path("own_loop.pt")
EPOCHS = 5


def pictures(count: int) -> TensorDataset:
    """Noise of 1 x 16 x 16; half of the pictures have a bright square."""
    labels = torch.arange(count) % 2
    pixels = torch.rand(count, 1, 16, 16)
    pixels[labels == 1, :, 4:8, 4:8] += 0.5
    return TensorDataset(pixels, labels)


def accuracy(scores: Tensor, labels: Tensor) -> Tensor:
    """The share of the pictures that are told right."""
    return (scores.argmax(1) == labels).float().mean()


torch.manual_seed(0)
training, validation = DataLoader(pictures(1024), 16, shuffle=True), DataLoader(pictures(256), 256)
model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(4), nn.Flatten(), nn.Linear(128, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

if CHECKPOINT.exists():
    saved = torch.load(CHECKPOINT, weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    run = everybatch.init(epochs=EPOCHS, resume=saved["run"], step=saved["step"])
else:
    run = everybatch.init(epochs=EPOCHS)


def save() -> None:
    """Keep what is needed to go on."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "run": run.id, "step": run.step}
    torch.save(state, CHECKPOINT)


for epoch in run.epochs():
    for picture, label in run.batches(training):
        optimizer.zero_grad()
        scores = model(picture)
        loss = nn.functional.cross_entropy(scores, label)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        lr = optimizer.param_groups[0]["lr"]
        run.log(
            loss=loss, lr=lr, accuracy=accuracy(scores, label), grad_norm=norm, pictures=everybatch.sum(len(label))
        )
        if run.save_asked:
            save()
    print(f"epoch {epoch}: step {run.step}")
    save()
    if not run.stop_asked:
        picture, label = next(iter(validation))
        with torch.no_grad():
            scores = model(picture)
        run.validated(loss=nn.functional.cross_entropy(scores, label), accuracy=accuracy(scores, label))
if not run.stop_asked:
    CHECKPOINT.unlink()
