"""What is told of a run: batches, epochs, notices. In English."""

TEXTS = {
    # one batch, one epoch
    "batch": (
        "Epoch [{epoch}/{epochs}] - progress {percent:z.1f}% ({batch}/{batches})"
        " - Batch Loss: {loss:z.6f} - LR: {lr:z.8f}"
    ),
    "batch_of_unknown": (
        "Epoch [{epoch}/{epochs}] - progress {percent} ({batch}/{batches}) - Batch Loss: {loss:z.6f} - LR: {lr}"
    ),
    "epoch_completed": "Epoch [{epoch}/{epochs}] completed",
    "epoch_stopped": "Epoch [{epoch}/{epochs}] stopped ({done}/{batches} batches done)",
    "epoch_failed": "Epoch [{epoch}/{epochs}] failed ({done}/{batches} batches done)",
    "avg_loss": "Average loss: {value:z.6f}",
    "min_batch_loss": "Lowest batch loss: {value:z.6f}",
    "max_batch_loss": "Highest batch loss: {value:z.6f}",
    "lr": "Learning rate: {value:z.8f}",
    "lr_unknown": "Learning rate: ?",
    "epoch_seconds": "Time of this epoch: {value:z.2f} s",
    "eta": "Time left: {value:z.2f} h",
    "eta_unknown": "Time left: ?",
    "val_loss": "Validation loss: {value:z.6f} (validation took {seconds:z.2f} s)",
    "val_metric": "Validation {name}: {value:z.6f}",
    "rule": "=" * 80,
    "reason": "{line}",
    "epoch_values": "Values of the epoch: {values}",
    "validated": "Validation after step {step}: loss {loss:z.6f}{values} ({seconds:z.2f} s)",
    "validated_without_loss": "Validation after step {step}{values} ({seconds:z.2f} s)",
    "too_many_values": (
        "Warning: {name} and further values are left out, as there are {most} already; does a name hold a counter?"
    ),
    "throughput": "Throughput: {value:z.1f} samples/s (waited {wait:z.2f} s for data)",
    "throughput_only": "Throughput: {value:z.1f} samples/s",
    "throughput_unknown_only": "Throughput: ?",
    "throughput_unknown": "Throughput: ? (waited {wait:z.2f} s for data)",
    # the run
    "run": "Run {run_id}: task {task}, {world_size} ranks ({device}, {backend}), {epochs} epochs",
    "run_log": "Complete log: {path}",
    "run_epoch_csv": "Metrics per epoch: {path}",
    "run_batch_csv": "Metrics per batch: {path}",
    "run_checkpoints": "Checkpoints: {path}",
    "ranks_starting": "Starting {count} ranks …",
    "ranks_ready": "{count} ranks run, waiting for the first batch …",
    "resumed": "Attempt {attempt}: going on from {path} in epoch {epoch}, skipping {batch} batches that are done",
    "resumed_from_nothing": (
        "Warning: attempt {attempt}: there is no checkpoint to go on from, starting from the beginning"
    ),
    "config_changed": "Warning: {flag} changed from {old} to {new}",
    "checkpoint_damaged": "Warning: the checkpoint {path} cannot be read ({reason}), using an earlier one",
    "csv_dropped": (
        "{path}: {count} rows after the checkpoint removed (the file as it was: {backup}); these "
        "batches are trained again"
    ),
    "csv_damaged": (
        "Warning: {path}: {count} lines were torn or foreign and are removed (the file as it was: {backup})"
    ),
    "csv_part": "{path} is complete: from here on there are more columns, and rows go on in {other}",
    "csv_header": "Warning: {path} has other columns than now and stays as it is; further rows go to {other}",
    "journal_damaged": "Warning: {count} bytes in {path} are damaged and were skipped",
    "batches_unknown": "Warning: {count} batches before the checkpoint left no record",
    "end_finished": "Training finished: {epochs_done}/{epochs} epochs in {duration}",
    "end_stopped": "Training stopped: {epochs_done}/{epochs} epochs done in {duration}",
    "end_failed": "Training failed: {epochs_done}/{epochs} epochs done in {duration}",
    "end_restarting": (
        "This attempt failed: {epochs_done}/{epochs} epochs done in {duration}; starting again from the "
        "last checkpoint …"
    ),
    "best_val": "Best epoch: {epoch} (validation loss {score:z.6f})",
    "best_metric": "Best epoch: {epoch} ({name} {score:z.6f})",
    "best_avg": "Best epoch: {epoch} (average loss {score:z.6f})",
    # notices
    "saved_last": "Model saved (已保存): {path}",
    "saved_best": "Best model saved (已保存): {path}",
    "save_failed": (
        "Warning: the model was not written to {path} ({reason}); training goes on, the model before it is safe"
    ),
    "validation_failed": (
        "Warning: the validation of epoch {epoch} failed on rank {rank} ({reason}); training goes on, this epoch "
        "has no validation"
    ),
    "nonfinite": (
        "Warning: the loss of epoch {epoch}, batch {batch} is {value} (rank {ranks}); "
        "usual causes: a learning rate too high, NaN in the input, fp16 overflow"
    ),
    "stop_nonfinite_taken": "The loss is not finite, --on_nan stop: stopped in epoch {epoch} after {batch} batches",
    "dropped": "Warning: the buffer of rank {rank} was full, {count} batches were not recorded",
    "incomplete": "Warning: the last {count} batches were not reported by all ranks and do not count",
    "file_trouble": (
        "Warning: cannot write {path} ({reason}); training goes on, its lines stay in memory until there is room"
    ),
    "file_recovered": "{path} can be written again, and the lines kept in memory now stand in it",
    "file_lost": "Warning: {path} lost {count} rows that could never be written",
    "rows_lost": "Warning: {path} lost {count} rows, memory keeps ten thousand at most",
    "file_restored": "warning: {path} was moved, removed or replaced; it is there again with all its rows",
    "file_replaced": "warning: {path} was replaced by another file (now {backup}); it is there again with all rows",
    "file_refilled": (
        "warning: {path} was emptied or written to by others (as it was: {backup}); it is written anew"
    ),
    "journal_emptied": (
        "warning: {path} was emptied or written to by others (as it was: {backup});"
        " batches before are no longer on record, those that come are"
    ),
    "console_gone": (
        "Warning: the terminal or pipe is closed, no more lines go there; training goes on, see {path}"
    ),
    "console_skipped": "… the reader is slow, {count} lines skipped here (all of them are in {path})",
    "stop_asked": "Stop asked for: will save and stop after this batch",
    "not_registered": "Warning: cannot register this run ({reason}); attach from another folder needs its path",
    "stop_signal": "{signal}: will save and stop after this batch (send it again to end at once)",
    "stop_now": "{signal} again: ending at once",
    "spike": "Warning: the loss of epoch {epoch}, batch {batch} jumped to {loss:z.6f} (median {median:z.6f})",
    "hidden_loss": "Note: the loss is {value:z.3g} now, too small for these lines; the CSV files show it",
    "hidden_lr": "Note: the learning rate is {value:z.3g} now, too small for these lines; the CSV files show it",
    "straggler": "Warning: rank {rank} is slower than the others: its own work takes {times:z.1f}x the median",
    "interval_changed": "A line every {interval} batches from now on",
    "pause_asked": "Pause asked for: after this batch",
    "resume_asked": "Resume asked for",
    "save_asked": "Checkpoint asked for: after this batch",
    "stop_after_epoch_asked": "Stop asked for: after this epoch",
    "pause_taken": "Training paused in epoch {epoch} after {batch} batches",
    "resume_taken": "Training goes on in epoch {epoch} after {batch} batches",
    "save_taken": "Saving now in epoch {epoch} after {batch} batches",
    "stop_after_epoch_taken": "Will stop after epoch {epoch}",
    "stacks_written": "The stacks of all ranks are in {path}",
    "stop_taken": "Stopped in epoch {epoch} after {batch} batches",
    "left_over": (
        "Warning: the training has ended, but threads or processes that the task of rank {ranks} started had not, "
        "and were ended"
    ),
    "terminal_gone": "The terminal is closed (SIGHUP); training goes on",
    "no_control": (
        "warning: there is no control socket ({reason}); commands of the monitor do not work,"
        " stop with everybatch stop or SIGTERM"
    ),
    "taken_over": "run {run} was taken over by another process; this one ends here",
}
