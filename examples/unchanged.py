"""An ordinary training script that knows nothing of everybatch.

Watch every batch of it with ``everybatch run python examples/unchanged.py``.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
labels = torch.arange(1024) % 2
pictures = torch.rand(1024, 1, 16, 16)
pictures[labels == 1, :, 4:8, 4:8] += 0.5  # half of the pictures have a bright square

loader = DataLoader(TensorDataset(pictures, labels), batch_size=16, shuffle=True)
model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(4), nn.Flatten(), nn.Linear(128, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(5):
    for picture, label in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(picture), label)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}, loss of its last batch {loss.item():.4f}")
