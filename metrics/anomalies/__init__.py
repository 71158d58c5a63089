"""What is out of line in a run that goes on: spikes, losses that are no numbers, ranks that hold up the others."""
