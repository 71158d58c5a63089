"""What sees the batches of an unchanged script: hooks on torch, led in by the environment alone."""
