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
    "command_rank_lost": "the command ended with exit code {code}, and rank {ranks} left no last word",
    "ranks_settled": "Warning: only {present} of {world_size} ranks report batches; only these count from here on",
    "garbage": "Warning: a process sent what cannot be understood; nothing more is read from it",
    "hook_failed": "Warning: watching rank {rank} failed ({error}) and is off; the training is not affected",
}
