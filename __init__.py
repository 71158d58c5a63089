"""everybatch: every batch of a PyTorch DDP run, live in your terminal, at no cost to the training."""

__version__ = "0.1.0"
