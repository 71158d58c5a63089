"""What is told of the run of somebody's own command, in English."""

TEXTS = {
    "command": "Run {run_id}: command {command}",
    "run_output": "What the command prints: {path}",
    "command_stop": "Stop asked for: sending {signal} to the command",
    "command_paused": "All processes of the command are suspended (SIGSTOP)",
    "command_resumed": "All processes of the command go on",
    "command_cannot": "everybatch does not control this command, so it cannot {command}",
    "command_signal": "the command was ended by {signal}",
    "command_exit": "the command ended with exit code {code}",
    "command_exit_printed": "the command ended with exit code {code}; the last exception that it printed: {error}",
    "command_rank_lost": "the command ended with exit code {code}; rank {rank} was gone first, without a word: "
    "killed, out of memory, or os._exit",
    "command_ranks_lost": "the command ended with exit code {code}, and rank {ranks} left no last word",
    "ranks_settled": "Warning: only {present} of {world_size} ranks report batches; only these count from here on",
    "rank_late": "Warning: rank {rank} began to report late: it counts from here on, not in the batches before",
    "rank_twice": "Warning: process {pid} trains as rank {rank} while another one does; it is not shown",
    "ranks_again": "The ranks are started anew: they go on as epoch {epoch}",
    "garbage": "Warning: a process sent what cannot be understood; nothing more is read from it",
    "hook_failed": "Warning: watching rank {rank} failed ({error}) and is off; the training is not affected",
    "no_steps": "Warning: rank {rank} gives losses to backward, but no optimizer of torch has made a step; "
    "batches are seen by those steps",
    "no_losses": "Warning: the optimizer of rank {rank} makes steps, but no loss (one number) is given to "
    "backward; batches are not seen",
    "loss_as_given": "Note: a step has {batches} losses; their mean is shown, of losses as given to backward "
    "(rank {rank}): whether the script divided them before cannot be told",
    "step_skipped": "Note: the gradient scaler skipped the optimizer step of batch {batch} of epoch {epoch} on "
    "rank {rank}: a gradient was not finite; the loss is shown all the same",
    "steps_skipped": "Note: the gradient scaler skipped {count} optimizer steps of epoch {epoch} (rank {rank})",
    "another_training": "Note: another optimizer makes the steps from epoch {epoch} on (rank {rank}); if it is "
    "another training, its epochs are counted on from those before",
    "loss_of": "{name}: the loss of optimizer {number} of this training ({optimizer}, {tensors} parameter tensors)",
    "thread_failed": "Warning: a thread of rank {rank} ended by an exception: {error}",
    "no_batch_python": "Warning: no batch was seen: no Python below the command let everybatch in. That is so "
    "without any Python, with python -I, -E or -S, in a frozen program, and in a container",
    "no_batch_torch": "Warning: no batch was seen: no Python below the command imported torch",
    "no_batch_hooks": "Warning: no batch was seen: everybatch failed in the Python that imported torch; what "
    "it said is among what the command printed",
    "no_batch_loss": "Warning: no batch was seen: torch was imported, but no process gave a loss (one number) "
    "to backward, or the one that did was started with -I, -E or -S",
    "no_batch_step": "Warning: no batch was seen: losses were given to backward, but no optimizer of torch "
    "made a step",
    "not_let_in": "Warning: {seconds} seconds, and no Python below the command has let everybatch in. With "
    "python -I, -E or -S, in a frozen program or in a container, no batch will be seen",
}
