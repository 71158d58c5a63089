"""What is drawn: batch log, loss plot, progress, epochs, ranks, system."""
