"""Why a training failed, and what may help. In English."""

TEXTS = {
    "failed_raised": "rank {rank} raised {error}: {message}",
    "failed_validation": "rank {rank} failed in the validation of epoch {epoch}: {message}",
    "failed_sample": "rank {rank} failed: {message}",
    "bad_sample": "cannot read sample {sample}: {reason}",
    "bad_sample_file": "cannot read sample {sample} (file {file}): {reason}",
    "bad_collate": "the samples of {data} cannot be put together to a batch: {reason}",
    "failed_deadlock": "all ranks wait for one another ({error})",
    "waited": "waited more than {seconds:z.0f} s for the other ranks",
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
}
