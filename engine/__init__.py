"""What trains: our own loop inside a rank, its config, tasks, data, checkpoints and the agreement of the ranks."""
