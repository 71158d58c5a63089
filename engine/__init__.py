"""What trains: config, task, launcher, rank loop, reporter, control, checkpoints, recorder, the run process."""
