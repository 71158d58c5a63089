"""What `everybatch predict` says, in English."""

TEXTS = {
    "help_predict": (
        "Write masks of pictures by what a run of image_folder has learnt: best.pt, without one last.pt.\n"
        "RUN is an id, the beginning of one, or a path, of a checkpoint too; left out, the newest.\n"
        "PICTURES are files or folders; a mask has the size of its picture, and its format if that can hold one."
    ),
    "predict_model": "Model: {path}, epoch {epoch}, classes: {classes} ({device})",
    "predict_found": "{name}: {found}",
    "predict_nothing": "nothing found",
    "predict_failed": "{path}: {reason}; there is no mask of it",
    "predict_not_written": "cannot write {path} ({reason})",
    "predict_done": "Masks written to {path}: {count} ({seconds:z.1f} s)",
    "predict_without": "Pictures without a mask: {count}",
    "predict_nothing_given": "{command} needs pictures: {command} RUN pictures/ ({command} --help says more)",
    "predict_missing": "there is nothing at {path}",
    "predict_no_picture": "no picture in {paths}",
    "predict_overwrites": "--out: the mask {path} would take the place of a picture; choose another folder",
    "predict_same_name": (
        "--out: the masks of {first} and {second} would both be {path}; predict them apart, with two --out"
    ),
    "predict_other_task": "predict works for runs of image_folder; {name} is one of {task}",
    "predict_too_old": "{path} was written by an older everybatch and lacks what predict needs; train again",
    "predict_damaged": "cannot use the checkpoint {path} ({reason})",
    "predict_no_checkpoint": "run {run} has no checkpoint in {path} yet",
    "predict_channels": "has channels: {found}, the model needs {needed}",
    "predict_sizes": "its channels differ in size",
    "predict_not_finite": "holds NaN or Inf",
}
