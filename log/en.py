"""Every text in English, key for key as in `zh`."""

TEXTS = {
    # one batch, one epoch
    "batch": (
        "Epoch [{epoch}/{epochs}] - progress {percent:.1f}% ({batch}/{batches})"
        " - Batch Loss: {loss:.6f} - LR: {lr:.8f}"
    ),
    "batch_of_unknown": "Epoch [{epoch}/{epochs}] - progress ? ({batch}/?) - Batch Loss: {loss:.6f} - LR: {lr:.8f}",
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
    "rule": "=" * 80,
    "reason": "{line}",
    "throughput": "Throughput: {value:.1f} samples/s (waited {wait:.2f} s for data)",
    # the run
    "run": "Run {run_id}: task {task}, {world_size} ranks ({device}, {backend}), {epochs} epochs",
    "run_log": "Complete log: {path}",
    "run_epoch_csv": "Metrics per epoch: {path}",
    "run_batch_csv": "Metrics per batch: {path}",
    "run_checkpoints": "Checkpoints: {path}",
    "ranks_starting": "Starting {count} ranks …",
    "ranks_ready": "All {count} ranks run, waiting for the first batch …",
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
    "best_val": "Best epoch: {epoch} (validation loss {score:.6f})",
    "best_metric": "Best epoch: {epoch} ({name} {score:.6f})",
    "best_avg": "Best epoch: {epoch} (average loss {score:.6f})",
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
    "spike": "Warning: the loss of epoch {epoch}, batch {batch} jumped to {loss:.6f} (median {median:.6f})",
    "straggler": "Warning: rank {rank} is slower than the others: its own work takes {times:.1f}x the median",
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
    "left_over_here": (
        "Warning: the training has ended, but threads or processes that the task started in the run process had "
        "not, and were ended"
    ),
    "terminal_gone": "The terminal is closed (SIGHUP); training goes on",
    "no_control": (
        "warning: there is no control socket ({reason}); commands of the monitor do not work,"
        " stop with everybatch stop or SIGTERM"
    ),
    "taken_over": "run {run} was taken over by another process; this one ends here",
    # failures
    "failed_raised": "rank {rank} raised {error}: {message}",
    "failed_validation": "rank {rank} failed in the validation of epoch {epoch}: {message}",
    "failed_sample": "rank {rank} failed: {message}",
    "bad_sample": "cannot read sample {sample}: {reason}",
    "bad_sample_file": "cannot read sample {sample} (file {file}): {reason}",
    "bad_collate": "the samples of {data} cannot be put together to a batch: {reason}",
    "failed_deadlock": "all ranks wait for one another ({error})",
    "waited": "waited more than {seconds:.0f} s for the other ranks",
    "failed_signal": "rank {rank} was killed by {signal}",
    "failed_exit": "rank {rank} ended with exit code {code}",
    "failed_early": "rank {rank} exited before finishing (exit code {code})",
    "failed_hang": "rank {ranks} does not answer, the others waited too long ({error})",
    "failed_launch": "the ranks did not start: {message}",
    "hint_SIGKILL": "Likely the OOM killer, or someone's kill -9; see dmesg",
    "hint_SIGABRT": "Likely a collective that timed out (NCCL watchdog) or a C++ assertion",
    "hint_SIGSEGV": "An extension module crashed; the stacks are in the log of that rank",
    "hint_SIGBUS": "Likely /dev/shm is full; use fewer --workers or more shared memory",
    "hint_hang": (
        "The stacks of its threads are in its log; if this step is slow for a good reason, raise --timeout"
    ),
    "hint_memory": "Out of memory: lower --batch_size, make the model smaller, or use --amp",
    "hint_validation": (
        "The training of this epoch is saved: mend it and --resume repeats the validation only; with "
        "--on_validation_error warn, training goes on when validation fails"
    ),
    "hint_files": "Too many open files: use fewer --workers, or raise the limit with ulimit -n",
    "hint_loader": (
        "Possible causes: out of memory, or /dev/shm is full; lower --workers or enlarge the shared memory"
    ),
    "victims": "rank {ranks} only lost the connection and is not the cause",
    "rank_log": "What that rank printed: {path}",
    # the command line
    "commands": (
        "everybatch: see every batch of a training\n\n"
        "  everybatch train [flags]    train (the same as python src/train_ddp.py)\n"
        "  everybatch attach [RUN]     watch a run; it goes on when you leave\n"
        "  everybatch runs [--json]    list all runs\n"
        "  everybatch stop [RUN]       save and stop a run\n"
        "  everybatch analyze [RUN …]  what a run did (the same as python analyze_training.py)\n\n"
        "RUN is an id, the beginning of one, or a path; left out, the newest.\n"
        "everybatch train --help and everybatch analyze --help list all flags."
    ),
    "column_run": "run",
    "column_state": "state",
    "column_task": "task",
    "column_ranks": "ranks",
    "column_started": "started",
    "column_folder": "folder",
    "state_starting": "STARTING",
    "state_running": "RUNNING",
    "state_validating": "VALIDATING",
    "state_paused": "PAUSED",
    "state_stopping": "STOPPING",
    "state_restarting": "restarting",
    "state_finished": "FINISHED",
    "state_stopped": "STOPPED",
    "state_failed": "FAILED",
    "state_lost": "LOST",
    "state_silent": "silent",
    "stage_importing": "Importing torch, checking task and data …",
    "stop_sent": "Run {run} ({folder}) will save and stop after this batch",
    "not_taken": "The command was not taken: {reason}",
    "monitor_killed": "The monitor was ended by {signal}; training goes on, come back with everybatch attach {run}",
    "no_terminal": "no terminal here to show the monitor; the log is {path}",
    "not_live": "run {run} is {state} and cannot be stopped",
    "no_runs": "there is no run yet; start one with everybatch train",
    "os_error": "{path}: {reason}",
    "no_temporary_folder": "no temporary folder can be written to ({reason}); name one with TMPDIR",
    "no_folder": "the current folder is gone; cd to another one first",
    "no_such_run": "no run begins with {run}; everybatch runs lists them",
    "no_run_at": "no run in {path}",
    "no_journal": "cannot read the journal of this run, {path} ({reason})",
    "many_runs": "{run} is the beginning of several runs: {runs}",
    "help_usage": "usage: {program} [flags]   (--log_interval and --log-interval are the same)",
    "help_default": "default {value}",
    # the monitor
    "ui_log": "Log · every {interval}",
    "ui_filter": "filter {text}",
    "ui_searching": "searching …",
    "ui_follow": "FOLLOW  {count} lines",
    "ui_held": "HELD at {place}  +{new} new",
    "ui_loss": "Loss",
    "ui_log_scale": "log",
    "ui_smoothed": "smoothed",
    "ui_spikes": "{count} spikes",
    "ui_validation": "validation",
    "ui_loss_note": "loss {loss:.4f} · mean {mean:.4f} · best {best:.4f} · {count} batches",
    "ui_loading": "loading {percent:.0f}%",
    "ui_left": "left {time}",
    "ui_attempt": "attempt {attempt}",
    "ui_elapsed": "elapsed {time}",
    "ui_ranks_on": "{count} ranks {device}/{backend}",
    "ui_ends": "ends {time}",
    "ui_saved": "saved {time} ago",
    "ui_cost": "ui {percent:.1f}%",
    "ui_epoch": "epoch {epoch}/{epochs}",
    "ui_total": "total",
    "ui_ranks": "Ranks",
    "ui_ranks_heading": "rank       loss ms/step  wait   own silent",
    "ui_system": "System",
    "ui_rank_memory": "rank",
    "ui_epochs": "Epochs",
    "ui_best_epoch": "best {epoch}",
    "ui_no_epoch": "no epoch has ended yet",
    "ui_epochs_heading": "    #     mean     val     time",
    "ui_quit_question": "Training is still running (epoch {epoch}/{epochs})",
    "ui_quit_d": "detach: close this view, training goes on",
    "ui_quit_s": "stop: finish this batch, save, stop",
    "ui_quit_e": "stop after this epoch",
    "ui_quit_esc": "go back",
    "ui_help_title": "Keys",
    "ui_help_filter": "Filter and search: a text, or loss>2, epoch=3, batch<10, level>=warn",
    "ui_search_label": "search: a text, or loss>2, level>=warn …",
    "ui_filter_label": "filter: a text, or loss>2, level>=warn …; empty shows all",
    "ui_copied": "copied",
    "line_gone": "(this line is no longer on record)",
    "ui_has_ended": "this run has ended",
    "ui_key_interval": "longer, shorter log interval",
    "ui_key_follow": "follow the newest line, or hold",
    "ui_key_search": "search; next, previous",
    "ui_key_filter": "filter",
    "ui_key_copy": "copy the marked line",
    "ui_key_move": "scroll",
    "ui_key_ends": "to the start; to the end and follow",
    "ui_key_zoom": "zoom the log, or back",
    "ui_key_next_zoom": "zoom in turn: curve, log, side",
    "ui_key_panels": "show or hide: curve, ranks, system, epochs",
    "ui_key_log_scale": "logarithmic axis",
    "ui_key_smoothing": "smooth the curve",
    "ui_key_symbols": "characters of the curve: braille, blocks, ASCII",
    "ui_key_pause": "pause training, or go on",
    "ui_key_save": "save a checkpoint now",
    "ui_key_stacks": "write the stacks of all ranks to their logs",
    "ui_key_theme": "next theme",
    "ui_key_help": "all keys",
    "ui_key_palette": "command palette",
    "ui_key_suspend": "suspend the view to the shell (fg comes back)",
    "ui_key_back": "undo zoom, search, filter",
    "ui_key_quit": "detach or stop",
    "ui_key_exit": "leave at once, training goes on",
    "ui_short_follow": "Follow",
    "ui_short_search": "Search",
    "ui_short_filter": "Filter",
    "ui_short_longer": "Fewer",
    "ui_short_shorter": "More",
    "ui_short_pause": "Pause",
    "ui_short_save": "Save",
    "ui_short_zoom": "Zoom",
    "ui_short_theme": "Theme",
    "ui_short_help": "Help",
    "ui_short_quit": "Quit",
    "run_lost": "the process of run {run} is gone, it did not end in order",
    "run_goes_on": "Training goes on; come back with everybatch attach {run}",
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
    "task_hidden": (
        "--task: cannot import {task} ({reason}); {files} has the name of a module of Python or of a library, "
        "which is imported instead: rename it"
    ),
    "other_launcher": (
        "this is one of several processes that {launcher} started ({variables}); everybatch starts the ranks "
        "itself: start it once, without {launcher}, and give their number by --nproc"
    ),
    "no_cuda": "--device: this machine has no usable CUDA device; use --device cpu or --device auto",
    "too_few_gpus": "--nproc: {nproc} ranks are more than {gpus} GPUs; use --nproc {gpus} or fewer",
    "output_dir": "--output_dir: cannot write {path} ({reason})",
    "resume_live": "--resume: run {run} still goes on; watch it with everybatch attach {run}",
    "resume_elsewhere": (
        "--resume: run {run} may still go on on {host} (last heard of {seconds} seconds ago, unknown from here);"
        " to take it over, add --take_over"
    ),
    "resume_finished": "--resume: run {run} has done all of its {epochs} epochs; raise --epochs to go on",
    "resume_differs": "--resume: the checkpoint of run {run} does not fit: {changes}",
    "resume_damaged": "--resume: {path} cannot be used ({reason})",
    "resume_model": "the checkpoint is not one of this model ({reason})",
    "save_every": "--save_every: cannot use {value} (expected 5, 5epochs or 500batches)",
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
    "on_validation_error": "validation fails: end (all is saved) or go on",
    "resume": "go on with a run: id, its beginning, path, latest",
    "take_over": "with --resume: also take over a run that may still live on another machine; it ends there",
    "save_every": "save last.pt every N epochs (or 500batches)",
    "max_restarts": "times a failed run starts again by itself",
    "timeout": "seconds to wait for a rank; 3x for the first batch",
    "output_dir": "folder for logs, metrics and checkpoints",
    "tui": "monitor if there is a terminal, or plain lines",
    "batch_metrics": "also analyse the CSV of --log_batch_metrics",
    "html": "also write one self-contained page",
    "json": "print one JSON object, for scripts",
    "lang": "language, also by EVERYBATCH_LANG",
}
"""What each flag does."""
