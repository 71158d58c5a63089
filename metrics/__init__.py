"""What is measured: events, the tally of ranks into batches and epochs, and the files that keep them."""
