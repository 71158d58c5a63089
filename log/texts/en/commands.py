"""What the commands say, and the mistakes of their users. In English."""

TEXTS = {
    # the command line
    "commands": (
        "everybatch: see every batch of a training\n\n"
        "  everybatch train [flags]    train (the same as python src/train_ddp.py)\n"
        "  everybatch run CMD …        see every batch of your own training command\n"
        "  everybatch attach [RUN]     watch a run; it goes on when you leave\n"
        "  everybatch runs [--json]    list all runs\n"
        "  everybatch stop [RUN]       save and stop a run\n"
        "  everybatch data DIR         what pictures and masks hold and mean, before a training\n"
        "  everybatch analyze [RUN …]  what a run did (the same as python analyze_training.py)\n"
        "  everybatch predict [RUN] PICTURES …  masks of pictures, by what a run has learnt\n\n"
        "RUN is an id, the beginning of one, or a path; left out, the newest.\n"
        "everybatch COMMAND --help says more about a command and lists its flags."
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
    "stop_asked_foreign": "Run {run} ({folder}) was asked to stop; if it goes on, ask again",
    "stop_sent": "Run {run} ({folder}) will save and stop after this batch",
    "not_taken": "The command was not taken: {reason}",
    "monitor_killed": "The monitor was ended by {signal}; training goes on, come back with everybatch attach {run}",
    "no_terminal": "no terminal here to show the monitor; the log is {path}",
    "run_elsewhere": "run {run} goes on on another machine, {host}; give it commands there",
    "not_live": "run {run} is {state} and cannot be stopped",
    "no_runs": "there is no run yet; start one with everybatch train",
    "os_error": "{path}: {reason}",
    "no_temporary_folder": "no temporary folder can be written to ({reason}); name one with TMPDIR",
    "no_folder": "the current folder is gone; cd to another one first",
    "no_such_run": "no run begins with {run}; everybatch runs lists them",
    "no_run_at": "no run in {path}",
    "no_journal": "cannot read the journal of this run, {path} ({reason})",
    "many_runs": "{run} is the beginning of several runs: {runs}",
    "help_usage": "usage: {usage}",
    "help_usage_alike": "usage: {usage}   (--log_interval and --log-interval are the same)",
    "help_flags": "[flags]",
    "help_unknown": "unknown",
    "help_default": "default {value}",
    # mistakes of the user
    "usage": "error: {problem}",
    "unknown_flag": "unknown flag {flag} ({command} --help lists all of them)",
    "unknown_flag_near": "unknown flag {flag}, did you mean {near}?",
    "missing_value": "{flag} needs a value",
    "bad_value": "{flag}: cannot use {value} (expected {expected})",
    "help_attach": (
        "Watch a run in this terminal; it goes on when you leave (q, then d).\n"
        "RUN is an id, the beginning of one, or a path; left out, the newest, this folder's and live ones first."
    ),
    "help_stop": (
        "Have a run save and stop after the present batch.\n"
        "RUN is an id, the beginning of one, or a path; left out, the newest, this folder's and live ones first."
    ),
    "help_runs": "List all runs that are known, the newest last.",
    "one_run": "{command} takes one run, not several ({runs})",
    "bad_arguments": "cannot make sense of these flags ({command} --help lists all of them)",
    "unknown_command": "unknown command {command}; there are: {commands}",
    "at_least": "{flag}: must be at least {least}, got {value}",
    "positive": "{flag}: must be a finite number above 0, got {value}",
    "not_negative": "{flag}: must be a finite number, 0 or more, got {value}",
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
    "epochs_or_steps": "give --epochs or --steps, not both",
    "command_missing": "run needs a command, such as everybatch run python train.py",
    "command_unknown": "there is no command {command}",
    "command_not_executable": "{command} is not executable (chmod +x, or write its interpreter in front)",
}
