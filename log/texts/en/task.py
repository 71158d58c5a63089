"""What the author of a task is told, in English."""

TEXTS = {
    # before the run
    "task_import": "--task: cannot import {task} ({reason}); expected phantoms, image_folder or module:Class",
    "task_class": "--task: module {module} has no {name}; its classes: {classes}",
    "task_method": "--task: {task} lacks {methods}",
    "task_metrics": '--task: {task} has metrics(), so it also needs metric_names = ("name", …)',
    "task_call": "--task: it must be possible to call {member} like this: {call}",
    "task_member": "--task: {member} must be {expected}, not {value}",
    "task_made": "--task: {call} must return {expected}, not {kind}",
    "task_raised": "--task: {method} of {task} failed ({reason})",
    "task_length": (
        "--task: {method}() of {task} must return a dataset with a length (map-style) or an IterableDataset"
    ),
    "task_no_samples": "--task: the training data of {task} is empty",
    "ranks_over_samples": "--nproc: {nproc} ranks are more than {samples} training samples; use fewer",
    "uneven": (
        "{method}() gives the ranks different numbers of batches ({batches}); every rank must see the same dataset"
    ),
    "task_no_data": "--task: {method}() gave no sample; without validation, val_data() returns None",
    "task_no_batches": (
        "--task: with drop_last = True no batch of an epoch is whole; lower --batch_size {batch_size}"
    ),
    "task_collate": (
        "--task: the samples of {method}() make no batch ({reason}); "
        "give the task a collate_fn(samples), which for example pads them to one shape"
    ),
    "task_needs_two": (
        "--batch_size: BatchNorm in the model cannot learn from a batch of one sample; "
        "give each rank batches of 2 samples or more, or use GroupNorm"
    ),
    "task_last_batch": (
        "--task: the last batch of an epoch has one sample, with which loss() failed ({reason}); "
        "correct loss(), or give the task drop_last = True"
    ),
    "task_sampler": (
        "--task: sampler(dataset, rank, world_size, seed) must return an iterable with a length (the indices of "
        "this rank), not {kind}"
    ),
    "task_sampler_length": "--task: the sampler's length is {length}, but it gave {count} indices; they must agree",
    "task_steps": (
        "--task: a scheduler(optimizer, steps) that is stepped after each batch needs the number of batches; "
        'give train_data() a __len__, or set schedule_every = "epoch"'
    ),
    "task_score_alone": (
        "--task: score comes from validation, but val_data() has none; give it data, or remove score"
    ),
    "task_score_twice": (
        '--task: what score() returns is named score, so metric_names cannot have "score"; rename it'
    ),
    "task_score_kind": "--task: score(val) must return a number, not {kind}",
    "plateau_mode": (
        'ReduceLROnPlateau has mode "{mode}", but it gets what the best epoch is judged by (see score): '
        'it must be mode="{wanted}"'
    ),
    "closure_amp": "--amp: {optimizer} needs a closure and cannot be used with --amp; leave out --amp",
    "loss_kind": (
        "--task: loss() must return a tensor of one number (the mean loss), not {kind}; return only the loss, "
        'or (loss, {{"name": value}})'
    ),
    "loss_shape": (
        "--task: loss() returned shape {shape}, but must return one number; take the mean, as in loss.mean()"
    ),
    "loss_detached": (
        "--task: what loss() returned does not depend on the model's parameters and has no gradient; "
        "compute it from what model(…) returns, without detach(), item() or no_grad()"
    ),
    "loss_bypasses": (
        "--task: loss() did not call model(…) itself, so the ranks would not share their gradients; "
        "call model(…), not model.module or another method of it"
    ),
    "loss_wrapped": (
        "--task: loss() gets the model wrapped in DistributedDataParallel ({reason}); "
        "call model(…), and put what other methods do into forward()"
    ),
    "metrics_kind": '--task: metrics() must return {{"name": value}}, not {kind}',
    "metrics_names": "--task: metrics() returned {returned}, but metric_names declares {declared}; they must agree",
    "value_name": (
        "--task: a value that loss() returns beside the loss has the name {name}, but a name must be a text"
    ),
    "value_shape": (
        "--task: the value {name} of loss() has the shape {shape}, but must be one number; take the "
        "mean, for example .mean()"
    ),
    "value_kind": "--task: the value {name} of loss() is {kind}, but must be a number or a tensor of one element",
    "metric_shape": (
        "--task: {name} of metrics() has shape {shape}, but must be one number; take the mean, as in .mean()"
    ),
    "metric_kind": "--task: {name} of metrics() is {kind}, but must be a number or a tensor of one element",
    "trial_memory": (
        "--batch_size: no memory for the batch that was tried ({reason}); lower --batch_size, or use --amp"
    ),
    "trial_slow": (
        "--timeout: {method} did not end within {seconds:z.0f} seconds when one batch was tried; "
        "raise --timeout if it is that slow"
    ),
    "trial_died": "--task: the process that tried one batch died in {method} ({how})",
    "trial_goes_on": "trying one batch: {method} …",
    # while it starts
    "unused_parameters": (
        "Some parameters take no part in the loss ({names}), so find_unused_parameters=True is "
        "used, which slows down "
        "every batch; remove them from the model if they are not needed"
    ),
    "last_batch_dropped": (
        "BatchNorm cannot learn from one sample, so incomplete last batches are left out (drop_last)"
    ),
    "stream_shared": (
        "train_data() is an IterableDataset: {count} ranks read all of it, and each keeps "
        "1/{count} of the samples; "
        "if it shares itself out among the ranks, set sharded = True"
    ),
    # failures
    "hint_batchnorm": "BatchNorm needs batches of 2 samples or more: give the task drop_last = True",
    "hint_collate": "samples differ in shape: give the task a collate_fn(samples), which for example pads them",
    "hint_unused": "some parameters are not used in every batch: give the task find_unused_parameters = True",
}
