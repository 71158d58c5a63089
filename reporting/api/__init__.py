"""What people call in a training loop of their own: `init`, and the run that it gives."""
