"""What is measured: events, how they become batches and epochs over all ranks, and the files that keep them."""
