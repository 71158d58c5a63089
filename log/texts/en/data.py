"""What is said of somebody's pictures and masks, in English."""

TEXTS = {
    "data_needed": "--data: task image_folder needs a folder of pictures: --data DIR with images/ and masks/ in it",
    "data_missing": "--data: no folder {path}",
    "data_empty": "--data: no picture in {path} (PNG, JPEG, TIFF, BMP, WebP, GIF)",
    "masks_missing": "--data: {count} pictures have no mask of their name in {path}: {names}",
    "image_unreadable": "--data: cannot read the picture {path} ({reason}); replace or remove it",
    "sizes_differ": "--data: {image} is {image_size}, its mask {mask_size}; they must be of one size",
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
    "pictures_found": "{train} pictures to train on, {val} to validate on",
    "masks_binary": (
        "Masks of two values ({values}): the higher one is the foreground, {percent:z.1f}% of the pixels"
    ),
    "masks_colours": (
        "Masks of colours ({values}): all but the background are foreground, {percent:z.1f}% of the pixels"
    ),
    "masks_classes": (
        "Masks of class numbers ({values}): all above 0 are foreground, {percent:z.1f}% of the pixels"
    ),
    "masks_levels": (
        "Masks of some levels of grey ({values}): all but the lowest are foreground, {percent:z.1f}% of the pixels"
    ),
    "masks_objects": (
        "Masks with a number for each object ({values}): all objects are foreground, {percent:z.1f}% of the pixels"
    ),
    "masks_soft": (
        "Masks with soft edges or fractions: what is above half is foreground, {percent:z.1f}% of the pixels"
    ),
    "masks_void": "255 among class numbers is void: such pixels belong to no class",
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
}
