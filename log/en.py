"""Every text in English, key for key as in `zh`."""

TEXTS = {
    # one batch, one epoch
    "batch": (
        "Epoch [{epoch}/{epochs}] - progress {percent:.1f}% ({batch}/{batches})"
        " - Batch Loss: {loss:.6f} - LR: {lr:.8f}"
    ),
    "epoch_completed": "Epoch [{epoch}/{epochs}] completed",
    "epoch_stopped": "Epoch [{epoch}/{epochs}] stopped ({done}/{batches} batches done)",
    "epoch_failed": "Epoch [{epoch}/{epochs}] failed ({done}/{batches} batches done)",
    "avg_loss": "Average loss: {value:.6f}",
    "min_batch_loss": "Lowest batch loss: {value:.6f}",
    "max_batch_loss": "Highest batch loss: {value:.6f}",
    "lr": "Learning rate: {value:.8f}",
    "epoch_seconds": "Time of this epoch: {value:.2f} s",
    "eta": "Time left: {value:.2f} h",
    "val_loss": "Validation loss: {value:.6f} (validation took {seconds:.2f} s)",
    "val_metric": "Validation {name}: {value:.6f}",
    "throughput": "Throughput: {value:.1f} samples/s (waited {wait:.2f} s for data)",
    # the run
    "run": "Run {run_id}: task {task}, {world_size} ranks ({device}, {backend}), {epochs} epochs",
    "run_log": "Complete log: {path}",
    "run_epoch_csv": "Metrics per epoch: {path}",
    "run_batch_csv": "Metrics per batch: {path}",
    "run_checkpoints": "Checkpoints: {path}",
    "end_finished": "Training finished: {epochs_done}/{epochs} epochs in {duration}",
    "end_stopped": "Training stopped: {epochs_done}/{epochs} epochs done in {duration}",
    "end_failed": "Training failed: {epochs_done}/{epochs} epochs done in {duration}",
    "best_val": "Best epoch: {epoch} (validation loss {score:.6f})",
    "best_avg": "Best epoch: {epoch} (average loss {score:.6f})",
    # notices
    "saved_last": "Model saved (已保存): {path}",
    "saved_best": "Best model saved (已保存): {path}",
    "save_failed": (
        "Warning: the model was not written to {path} ({reason}); training goes on, the model before it is safe"
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
    "file_lost": "Warning: {path} lost {count} bytes that could never be written",
    "console_gone": (
        "Warning: the terminal or pipe is closed, no more lines go there; training goes on, see {path}"
    ),
    "console_skipped": "… the reader is slow, {count} lines skipped here (all of them are in {path})",
    "stop_asked": "{signal}: will save and stop after this batch (send it again to end at once)",
    "stop_now": "{signal} again: ending at once",
    "spike": "Warning: the loss of epoch {epoch}, batch {batch} jumped to {loss:.6f} (median {median:.6f})",
    "straggler": "Warning: rank {rank} is slower than the others: its data and forward take {times:.1f}x the median",
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
    "terminal_gone": "The terminal is closed (SIGHUP); training goes on",
    # failures
    "failed_raised": "rank {rank} raised {error}: {message}",
    "failed_signal": "rank {rank} was killed by {signal}",
    "failed_exit": "rank {rank} ended with exit code {code}",
    "failed_early": "rank {rank} exited before finishing (exit code {code})",
    "failed_launch": "the ranks did not start: {message}",
    "hint_SIGKILL": "Likely the OOM killer, or someone's kill -9; see dmesg",
    "hint_SIGABRT": "Likely a collective that timed out (NCCL watchdog) or a C++ assertion",
    "hint_SIGSEGV": "An extension module crashed; the stacks are in the log of that rank",
    "hint_SIGBUS": "Likely /dev/shm is full; use fewer --workers or more shared memory",
    "victims": "rank {ranks} only lost the connection and is not the cause",
    "rank_log": "What that rank printed: {path}",
    # the command line
    "commands": (
        "everybatch: see every batch of a training\n\n"
        "  everybatch train [flags]    train (the same as python src/train_ddp.py)\n\n"
        "everybatch train --help lists the flags."
    ),
    "help_usage": "usage: {program} [flags]   (--log_interval and --log-interval are the same)",
    "help_default": "default {value}",
    # mistakes of the user
    "usage": "error: {problem}",
    "unknown_flag": "unknown flag {flag} ({command} --help lists all of them)",
    "unknown_flag_near": "unknown flag {flag}, did you mean {near}?",
    "missing_value": "{flag} needs a value",
    "bad_value": "{flag}: cannot use {value} (expected {expected})",
    "bad_arguments": "cannot make sense of these flags ({command} --help lists all of them)",
    "unknown_command": "unknown command {command}; there are: {commands}",
    "at_least": "{flag}: must be at least {least}, got {value}",
    "positive": "{flag}: must be a finite number above 0, got {value}",
    "not_negative": "{flag}: must be a finite number, 0 or more, got {value}",
    "data_needed": "--data: task image_folder needs a folder of pictures: --data DIR with images/ and masks/ in it",
    "data_missing": "--data: no folder {path}",
    "data_empty": "--data: no PNG, JPEG or TIFF picture in {path}",
    "masks_missing": "--data: {count} pictures have no mask of their name in {path}: {names}",
    "image_unreadable": "--data: cannot read the picture {path} ({reason}); replace or remove it",
    "sizes_differ": "--data: {image} is {image_size}, its mask {mask_size}; they must be of one size",
    "too_small": "--data: only {count} pairs of pictures; 2 are the least (some are kept for validation)",
    "task_import": "--task: cannot import {task} ({reason}); use phantoms, image_folder or module:Class",
    "task_class": "--task: module {module} has no {name}; its classes: {classes}",
    "task_method": "--task: {task} lacks {methods}",
    "task_metrics": '--task: {task} has metrics(), so it also needs metric_names = ("name", …)',
    "task_build": "--task: {method} of {task} failed ({reason})",
    "task_length": "--task: {method}() of {task} must return a dataset with a length (map-style)",
    "task_no_samples": "--task: the training data of {task} is empty",
    "ranks_over_samples": "--nproc: {nproc} ranks are more than {samples} training samples; use fewer",
    "no_cuda": "--device: this machine has no usable CUDA device; use --device cpu or --device auto",
    "too_few_gpus": "--nproc: {nproc} ranks are more than {gpus} GPUs; use --nproc {gpus} or fewer",
    "output_dir": "--output_dir: cannot write {path} ({reason})",
    "internal": "internal error of everybatch: {message}",
}

HELP = {
    "epochs": "epochs to train",
    "batch_size": "samples per batch on each rank (each GPU)",
    "lr": "learning rate",
    "log_interval": "a screen line every N batches; the log has all",
    "log_batch_metrics": "also write every batch to a CSV file",
    "task": "phantoms, image_folder or module:Class of yours",
    "data": "folder of image_folder, with images/ and masks/",
    "nproc": "ranks; 0 = all GPUs, without GPUs min(2, cores)",
    "device": "where to train; auto = cuda with a GPU",
    "amp": "mixed precision",
    "grad_clip": "largest norm of the gradient; 0 = no clipping",
    "workers": "data loading processes per rank; 0 = none",
    "seed": "of weights, data order and augmentation",
    "on_nan": "loss not finite: go on, or save and stop",
    "output_dir": "folder for logs, metrics and checkpoints",
    "tui": "monitor if there is a terminal, or plain lines",
    "lang": "language, also by EVERYBATCH_LANG",
}
"""What each flag does."""
