"""What an analysis says, in English: a finding, what to do about it, and the words of its report."""

TEXTS = {
    "finding_converging": "The loss still falls: by {percent:z.1f}% over the last {epochs} epochs",
    "advice_converging": "More training may pay: --resume with more --epochs",
    "finding_plateau": (
        "The loss has hardly fallen since epoch {epoch}: {percent:z.1f}% better over the {epochs} epochs "
        "from there on"
    ),
    "advice_plateau": "It could stop earlier; to get lower, go on with a tenth of the learning rate",
    "finding_not_learning": (
        "Hardly anything was learned in {epochs} epochs (average loss {first:z.4g} → {best:z.4g})"
    ),
    "advice_not_learning": (
        "Check that inputs and labels belong together; try 10 times and a tenth of the learning rate {lr:zg}"
    ),
    "finding_divergence": (
        "The average loss fell to {best:z.4g} in epoch {epoch} and rose to {last:z.4g} since: the training diverges"
    ),
    "advice_divergence": "Lower the learning rate (to a third, say) or add --grad_clip 1; start again from best.pt",
    "finding_overfitting": (
        "Overfitting: the validation loss was lowest in epoch {epoch} ({best:z.4g}) and rose to "
        "{last:z.4g}, while the training loss went on falling ({train_then:z.4g} → {train_last:z.4g})"
    ),
    "advice_overfitting": "Use best.pt; add data or augmentation, regularise, or stop near epoch {epoch}",
    "finding_unstable": "Unstable: the largest batch loss of an epoch is typically {ratio:z.1f} times its average",
    "finding_unstable_epochs": "Unstable: the average loss jumps by {percent:z.0f}% from one epoch to the next",
    "advice_unstable": "Lower the learning rate, raise --batch_size, or add --grad_clip 1",
    "finding_lr_too_high": (
        "The learning rate {lr:zg} may be too high: from {first:z.4g} on the loss never fell steadily, and "
        "reached {worst:z.4g}"
    ),
    "advice_lr_too_high": "Try --lr {suggested:zg}",
    "finding_lr_too_low": (
        "The learning rate {lr:zg} may be too low: over {epochs} epochs the loss fell slowly and evenly, "
        "by {percent:z.0f}% in all"
    ),
    "advice_lr_too_low": "Try --lr {suggested:zg}",
    "finding_lr_step": (
        "In epoch {epoch} the learning rate went from {before:zg} to {after:zg}, and the loss fell by "
        "{percent:z.1f}% in five epochs"
    ),
    "advice_lr_step": "A clear fall means that the change worked; none means that it came too early or too late",
    "finding_data_bound": "Data are too slow: {percent:z.0f}% of the training time went into waiting for them",
    "advice_data_bound": "Raise --workers, prepare the data beforehand, or use a faster disk",
    "finding_straggler": "rank {rank} held up the others: its data and forward took {times:z.1f} times the median",
    "advice_straggler": "Look for other programs on its GPU and CPU, and whether its data are slower",
    "finding_nonfinite": "{count} batches have a loss of NaN or Inf, the first is batch {batch} of epoch {epoch}",
    "finding_nonfinite_epoch": "{count} batches have a loss of NaN or Inf, the first in epoch {epoch}",
    "advice_nonfinite": (
        "Usual causes: a learning rate too high, NaN in the input, fp16 overflow; lower --lr, add "
        "--grad_clip 1, or use --amp bf16; --on_nan stop ends in time"
    ),
    "finding_nonfinite_value": (
        "The value {name} is NaN or Inf in {count} batches, the first is batch {batch} of epoch {epoch}"
    ),
    "finding_nonfinite_value_epoch": (
        "The value {name} is NaN or Inf in {count} epochs, the first is epoch {epoch}"
    ),
    "advice_nonfinite_value": (
        "Look at how it is computed: an empty class, a division by 0, or a gradient that overflows (an "
        "Inf of grad_norm now and then is normal with fp16)"
    ),
    "finding_spike": (
        "{count} spikes of the loss, the largest in batch {batch} of epoch {epoch}: {loss:z.4g}, "
        "{times:z.1f} times the median before it"
    ),
    "finding_spike_epoch": (
        "Batches of {count} epochs spiked, the largest in epoch {epoch}: {loss:z.4g}, {times:z.1f} times "
        "its neighbours"
    ),
    "finding_spike_from": (
        "{count} spikes of the loss, the largest in batch {batch} of epoch {epoch}: {loss:z.4g}, "
        "where the median before it is {usual:z.4g}"
    ),
    "finding_spike_epoch_from": (
        "Batches of {count} epochs spiked, the largest in epoch {epoch}: {loss:z.4g}, "
        "where its neighbours have {usual:z.4g}"
    ),
    "advice_spike": "Look at the data of that batch; --grad_clip 1 tames a spike now and then",
    "finding_slower": (
        "The training slows down: from {first:z.1f} to {last:z.1f} seconds an epoch (+{percent:z.0f}%)"
    ),
    "advice_slower": "Look for other programs, memory that runs out, and a GPU that is too hot",
    "finding_slow_epoch": "Epoch {epoch} took {seconds:z.1f} seconds, {times:z.1f} times the median",
    "advice_slow_epoch": "A single epoch: most likely other programs on the machine",
    "finding_short": "Only {epochs} whole epochs: too few to judge a trend",
    "advice_short": "Train four epochs at least, then analyse",
    "finding_failed": "The training failed in epoch {epoch} ({reason})",
    "finding_failed_early": "The training failed before the first epoch ended",
    "advice_failed": "The cause is at the end of the log; go on with --resume once it is solved",
    "finding_stopped": "The training was stopped in epoch {epoch}",
    "advice_stopped": "Go on with --resume",
    "finding_lost": "Its process is gone without a word; the last record is of epoch {epoch}",
    "advice_lost": "Go on from the last checkpoint with --resume",
    "finding_running": "The training still goes on, epoch {epoch} is done",
    "advice_running": "All of this is about the part so far",
    "finding_silent": "nothing was heard of the run since epoch {epoch}; it may still go on on another machine",
    "advice_silent": "look at it with everybatch runs; when it is gone for sure, go on with --resume --take_over",
    "finding_attempts": "This run took {attempts} attempts (resumed or started again)",
    "advice_attempts": "The log tells where each attempt went on",
    "finding_repaired": (
        "{damaged} lines are torn or foreign, and {repeated} were replaced by a later one; they are left out here"
    ),
    "advice_repaired": "The files themselves are untouched",
    "finding_missing_rows": "{epochs} epochs and {batches} batches have no row",
    "advice_missing_rows": "Perhaps the disk was full; the log tells",
    "finding_extra_columns": "Columns that are not known here were left out: {columns}",
    "advice_extra_columns": "They may come from a newer version",
    "finding_noise": (
        "Late in the training the loss of a batch varies by about {percent:z.0f}%; neighbours correlate "
        "by {correlation:z.2f}"
    ),
    "advice_noise": "Smooth about {window} batches to see the trend to within 5%",
    "finding_within_epoch_trend": "The loss late in an epoch differs from that early in it by {percent:+z.0f}%",
    "advice_within_epoch_trend": "The data may not be shuffled, or are sorted by difficulty",
    "finding_bad_batches": "{count} batches are {percent:z.0f}% too high in nearly every epoch: {batches}",
    "advice_bad_batches": "The data are not shuffled; check these samples and their labels",
    "finding_slow_steps": (
        "{count} batches are very slow and take {percent:z.0f}% of the time; the slowest is batch {batch} "
        "of epoch {epoch}: {seconds:z.2f} s (median {median:z.3f} s)"
    ),
    "advice_slow_steps": "Look at disks, network storage and other programs; more --workers hide slow reads",
    # the same for a command of somebody's own
    "advice_converging_command": "More training may pay",
    "advice_divergence_command": (
        "Lower the learning rate (to a third, say) or clip the gradient; start again from your best checkpoint"
    ),
    "advice_overfitting_command": (
        "Use the checkpoint of about epoch {epoch}; add data or augmentation, regularise, or stop there"
    ),
    "advice_unstable_command": "Lower the learning rate, use larger batches, or clip the gradient",
    "advice_lr_too_high_command": "Try a learning rate of {suggested:zg}",
    "advice_lr_too_low_command": "Try a learning rate of {suggested:zg}",
    "advice_data_bound_command": "Use more loader workers, prepare the data beforehand, or use a faster disk",
    "advice_nonfinite_command": (
        "Usual causes: a learning rate too high, NaN in the input, fp16 overflow; lower the learning "
        "rate, clip the gradient, or use bf16"
    ),
    "advice_spike_command": "Look at the data of that batch; clipping the gradient tames a spike now and then",
    "advice_failed_command": ("The cause is at the end of the log, and what the command printed is in output.log"),
    "advice_failed_loop": "The cause is at the end of the log; the script goes on by everybatch.init(resume=…)",
    "advice_stopped_loop": "The script goes on by everybatch.init(resume=…)",
    "advice_lost_loop": "The script goes on by everybatch.init(resume=…)",
    "advice_stopped_command": "Start the command again; what it goes on from are its own checkpoints",
    "advice_lost_command": (
        "What the command printed is in output.log; what it goes on from are its own checkpoints"
    ),
    "advice_silent_command": "look at it with everybatch runs",
    "advice_slow_steps_command": (
        "Look at disks, network storage and other programs; more loader workers hide slow reads"
    ),
    # the report
    "report_title": "Run {run_id}",
    "report_state": "{state}, {epochs} epochs",
    "report_task": "task {task}",
    "report_ranks": "{count} ranks",
    "report_epoch": "epoch",
    "report_first": "first",
    "report_best": "best",
    "report_last": "last",
    "report_change": "first → best",
    "report_average": "avg loss",
    "report_validation": "val loss",
    "report_rate": "lr",
    "report_seconds": "seconds",
    "report_spread": "lowest–highest",
    "report_loss": "Loss",
    "report_range": "Range of the batch losses of an epoch",
    "report_curve": "Loss (band: lowest to highest of an epoch; line: average; ◆ validation)",
    "report_phases": "Distribution of the batch losses",
    "report_phase": "steps",
    "report_mean": "mean",
    "report_std": "std. dev.",
    "report_quantiles": "5% – 50% – 95%",
    "report_values": "value",
    "report_early": "first tenth",
    "report_late": "last tenth",
    "report_least": "least",
    "report_most": "most",
    "report_findings": "Findings",
    "report_no_alarm": "No trouble found.",
    "report_files": "Picture: {path}",
    "report_page": "Page: {path}",
    "report_no_plots": "no pictures were drawn ({reason})",
    "report_no_font": "No Chinese font was found, so the picture is in English (fonts-noto-cjk has one)",
    "report_not_written": "Warning: cannot write {path} ({reason})",
    "report_empty": "Run {run} has no finished epoch yet, so there is nothing to analyse ({path})",
    # the worst validation pictures
    "cases_title": "Worst validation pictures, judged whole ({name}, epoch {epoch})",
    "cases_about": "Worst validation pictures ({name}, epoch {epoch}); median Dice of {count}: {median}",
    "cases_name": "picture",
    "cases_dice": "Dice",
    "cases_slice": "slice",
    "cases_lowest": "lowest classes",
    "cases_median": "median of {count}",
    "cases_left": "Judged {judged} of {total}, evenly among all of them, in {seconds:z.0f} s",
    "cases_left_larger": "Judged {judged} of {total}: {seconds:z.0f} s do not suffice for the larger ones",
    "cases_empty": "Without a Dice, as there is nothing and nothing was found: {count}",
    "cases_not_judged": "The validation pictures were not judged: {reason}",
    "cases_run_goes_on": "the run goes on",
    "cases_pictures_gone": "there is no folder {path} any more",
    "cases_changed": "what is in {path} has other channels or classes than the run has learnt",
    "cases_no_torch": "torch cannot be imported ({reason})",
    "cases_no_time": "none of {total} can be done within {seconds:z.0f} s (everybatch predict takes its time)",
    "sheet_picture": "picture",
    "sheet_truth": "mask",
    "sheet_found": "prediction",
    "report_no_batches": "There is no CSV file of the batches; train with --log_batch_metrics to get one",
    "report_comparison": "Comparison",
    "report_differs": "Flags that differ",
    "report_same": "The same flags (or no run.json)",
    "report_run": "run",
    "report_behind": "behind (times the noise)",
    "report_noise": "noise",
    "report_clear": (
        "{run} is better: {what} {score:z.6f}, lower than the second by {difference:z.6f}, {times:z.1f} "
        "times the noise"
    ),
    "report_clear_metric": (
        "{run} is better: {what} {score:z.6f}, higher than the second by {difference:z.6f}, {times:z.1f} "
        "times the noise"
    ),
    "report_unclear": (
        "Too close to call: the best two differ by {difference:z.6f}, within the noise ({times:z.1f} times)"
    ),
    "report_one_score": "Only one run has a figure to compare",
    "not_csv": "{path} is no CSV file of a run (it lacks {missing})",
    "analyze_unreadable": "cannot read {path} ({reason})",
    "analyze_nothing": "there is no CSV file of a run (epoch_metrics_*.csv) in {path}",
}
