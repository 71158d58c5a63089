"""What is told of a training that reports by itself, by `everybatch.init`. In English."""

TEXTS = {
    # to the person at the terminal of the training
    "api_watch": "everybatch: run {run}; watch it from any terminal: everybatch attach {run}",
    "api_off": "everybatch: this training is not watched, and goes on: {reason}",
    "api_lost": "everybatch: this training is not watched any more, and goes on: {reason}",
    "api_gone": "the run process is gone",
    "api_not_started": "the run process did not start",
    "api_no_python": "there is no Python program to start the run process with (sys.executable)",
    "api_slow": "everybatch: the run process has not started yet; the training goes on within {seconds} s",
    "api_no_answer": "the run process did not start within {seconds} s",
    "api_end_lost": "everybatch: the run process does not answer; the end of run {run} may be missing",
    "api_nobody": "rank 0 has begun no run; call everybatch.init() there too",
    "api_other_node": "ranks of other machines than the first cannot report yet",
    "api_folder": "{path} is not a folder of this user alone",
    "api_below": "everybatch: below everybatch run, output_dir and resume are those of that command",
    "api_after_end": "everybatch: run {run} has ended; what is logged now is not recorded",
    # mistakes of who calls us
    "verbatim": "{text}",
    "api_no_run": "there is no run; call everybatch.init() first",
    "api_loss": "log() needs the loss of the step: run.log(loss=loss); a validation is run.validated(loss=…)",
    "api_mapping": "values go in by name, or in one dict; got {got}",
    "api_number": "{name}: must be a number or a tensor of one element, got {got}",
    "api_whole": "{name}: must be a whole number, {least} or more, got {got}",
    "api_step_alone": "step: tells where a run goes on, so it needs resume=…",
    "resume_not_loop": "resume: run {run} is not one of everybatch.init(); it is resumed as it was begun",
    "loop_resume_here": 'run {run} is one of everybatch.init(): its script resumes it, by init(resume="{run}")',
    # in the log of the run
    "loop": "Run {run_id}: {name}, which reports by itself",
    "loop_resumed": "Attempt {attempt}: going on behind step {step}, in epoch {epoch} after {batch} batches",
    "api_failed": "Warning: reporting of rank {rank} failed ({error}) and is off; the training goes on",
    "value_left_out": "Warning: rank {rank}: value {name} is no number ({got}) and is left out",
    "name_left_out": "Warning: rank {rank}: a value cannot have the name {name} and is left out",
    "loop_stop_asked": "Stop asked for: the ranks agree on the batch",
    "loop_stop_after_epoch_asked": "Stop after this epoch asked for",
    "loop_save_asked": "Checkpoint asked for: the training sees it in run.save_asked",
    "loop_pause_asked": "Pause asked for: the ranks agree on the batch",
    "loop_resume_asked": "Resume asked for",
    "stop_told_taken": "The training is told to stop (epoch {epoch}, {batch} batches); ask again to interrupt it",
    "stop_after_epoch_told_taken": "The training is told to stop after epoch {epoch}",
    "save_told_taken": "The training was told to save, in epoch {epoch} after {batch} batches",
    "agreed_by_rank_0": (
        "Only rank 0 reports, so it alone is told ({command}), by run.stop_asked and run.save_asked; the training"
        " must tell its other ranks"
    ),
    "not_by_rank_0": "Warning: only rank 0 reports, so the ranks cannot do this together: {command} is not done",
    "not_agreed": "Warning: the ranks did not answer, so nothing is done ({command}); ask again",
    "loop_signal": "Asked again: sending {signal} to the ranks",
    # how it ended
    "rank_silent": "rank {rank} ended without a last word: killed, out of memory, or os._exit",
}
