"""What is said of somebody's pictures and masks, in English."""

TEXTS = {
    "data_needed": "--data: task image_folder needs a folder of pictures: --data DIR with images/ and masks/ in it",
    "data_missing": "--data: no folder {path}",
    "data_empty": "--data: no picture in {path} (PNG, JPEG, BMP, WebP, GIF, TIFF, NIfTI, NRRD, MetaImage, DICOM)",
    "masks_missing": "--data: {count} pictures have no mask of their name in {path}: {names}",
    "image_unreadable": "--data: cannot read the picture {path} ({reason}); replace or remove it",
    "mask_size": "--data: the mask {path} is {mask_size}, its picture {image_size}; they must be of one size",
    "mask_elsewhere": (
        "--data: the mask {path} does not lie where its picture does (by their headers they are up to "
        "{apart:z.1f} mm apart); resample it onto the picture's grid"
    ),
    "mask_channels": "--data: the mask {path} has {channels} channels; save it as one of numbers, or as 8-bit RGB",
    "volume_dimensions": (
        "--data: {path} has {shape} voxels, more dimensions than one volume with up to 8 channels; "
        "save each volume as a file"
    ),
    "numbers_unknown": "--data: {path} holds numbers of the type {number}; save it as integers or floats",
    "series_many": "--data: {path} holds {count} DICOM series ({names}); give each a folder of its own",
    "series_uneven": (
        "--data: the slices in {path} are {least:z.2f} to {most:z.2f} mm apart: some are missing, or there are "
        "several scans; complete or part them"
    ),
    "series_damaged": "--data: {path} is no whole DICOM picture; replace or remove it",
    "picture_too_large": "--data: {path} is too large for its format here; save it as PNG or TIFF",
    "format_unknown": "--data: {path} is in no format that is read here ({suffixes})",
    "medical_needed": '--data: {path} needs SimpleITK: pip install "everybatch[medical]"',
    "codec_needed": (
        '--data: {path} is packed as {codec}, which needs imagecodecs: pip install "everybatch[medical]"'
    ),
    "too_small": "--data: only {count} pairs of pictures; 2 are the least (some are kept for validation)",
    "picture_twice": "--data: {first} and {second} in {path} have the same name; keep one of them",
    "picture_not_finite": "--data: {path} holds NaN or Inf; replace or remove it",
    "mask_not_finite": "--data: the mask {path} holds NaN or Inf; replace or remove it",
    "mask_colours": (
        "--data: the masks have {count} colours, more than {most} are no classes ({names}); "
        "are these the pictures, or masks that were saved as JPEG?"
    ),
    "masks_contradict": (
        "--data: in some masks 255 is the foreground ({white}), in others the classes are small numbers "
        "({numbers}); save all of them in one way"
    ),
    "masks_empty": "--data: no mask shows any foreground ({count} masks, {names}; values: {values})",
    "masks_full": "--data: all masks are foreground everywhere ({count} masks, {names}; values: {values})",
    "reading": "Reading pictures and masks {bar} {done} of {total}",
    "pictures_found": "{train} pictures to train on, {val} to validate on",
    "masks_binary": (
        "Masks of two values ({values}): the higher one is the foreground, {percent:z.1f}% of the pixels"
    ),
    "masks_colours": (
        "Masks of colours ({values}): each is a class, {percent:z.1f}% of the pixels are not background"
    ),
    "masks_classes": (
        "Masks of class numbers ({values}): 0 is the background, {percent:z.1f}% of the pixels are not"
    ),
    "masks_levels": (
        "Masks of some levels of grey ({values}): each is a class, the "
        "lowest the background, {percent:z.1f}% are not"
    ),
    "masks_objects": (
        "Masks with a number for each object ({values}): all objects are foreground, {percent:z.1f}% of the pixels"
    ),
    "masks_soft": (
        "Masks with soft edges or fractions: what is above half is foreground, {percent:z.1f}% of the pixels"
    ),
    "masks_void": "Void pixels belong to no class: they are neither learnt nor judged",
    "masks_mostly": (
        "Note: {percent:z.1f}% of the pixels are foreground; if what is to be found is the rest, invert the masks"
    ),
    "split_by_folder": "Training and validation are apart in train/ and val/",
    "split_by_file": "{path} names the pictures for validation",
    "split_by_group": (
        "{groups} groups by the name before the last _ (the largest: {name}, {count} pictures); "
        "none is on both sides"
    ),
    "split_unreadable": "--data: cannot read {path} ({reason})",
    "split_unknown": "--data: {path} names pictures that are not there: {names}",
    "split_one_side": "--data: {path} leaves {train} pictures to train on and {val} to validate on; both need some",
    "pictures_sizes": "Pictures of {sizes} pixels, channels: {channels}, numbers: {numbers}",
    "masks_named": "Classes by name ({values}): {percent:z.1f}% of the pixels are not background",
    "masks_several": "{count} pictures have several masks: each is an object",
    "masks_class_shares": "Classes and their share of the pixels: {shares}",
    "masks_unnamed": (
        "--data: {count} masks hold values without a name: {values} ({names}); name them, "
        "or leave out background so that it is all the rest"
    ),
    "left_other": "Left out of {path}: {count} that cannot be pictures ({names})",
    "left_masks": "Left out of {path}: {count} masks of no picture ({names})",
    "channels_differ": "--data: {first} has channels: {few}, {second}: {many}; all pictures need as many",
    "channel_sizes": "--data: {first} is {size}, {second} {other}; the channels of a picture must be of one size",
    "channel_missing": "--data: case {case} has no channel {channel} in {path}, others have",
    "classes_unreadable": '{where}: cannot read "{part}"; write classes as liver=1, tumour=2 or cell=#ff0000',
    "classes_twice": "{where}: {first} and {second} have the same value",
    "classes_none": "{where}: no class is named",
    "classes_regions": (
        "--data: {path} makes regions of several labels ({names}), which are not "
        "supported; give each label a class of its own"
    ),
    "window_unreadable": "--window: cannot read {value}; write level and width, such as 40,400",
    "resume_classes": "--resume: the network learnt the classes {then}, but the masks now have {now}",
}
