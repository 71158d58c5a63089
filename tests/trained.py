"""Runs of image_folder on pictures that are learnt in seconds: a brightness is a class."""

import sys
from pathlib import Path

import numpy as np
from everybatch.engine.pictures.formats import reader_of
from PIL import Image

from .support import REPOSITORY, Running

BRIGHT = (40, 130, 220)
"""Of each class; the background first."""
VALUES = {
    "binary": (0, 38, 38),
    "classes": (0, 1, 300),
    "colours": (0x000000, 0xFF0000, 0x00FF80),
}
"""Of each class in the masks of a kind."""
FLAGS = {"classes": ("--classes", "liver=1, tumour=300")}


def scene(seed, height, width):
    """A picture [H, W] uint8 and its classes, 0 to 2: some rectangles, and noise."""
    random = np.random.default_rng(seed)
    classes = np.zeros((height, width), np.uint8)
    for number in range(8 * height * width // 50_000 + 2):
        top, left = random.integers(0, height - 10), random.integers(0, width - 10)
        rows, columns = random.integers(10, 50, 2)
        classes[top : top + rows, left : left + columns] = number % 2 + 1
    picture = np.array(BRIGHT, np.uint8)[classes] + random.integers(-20, 20, classes.shape)
    return picture.astype(np.uint8), classes


def mask_of(kind, classes):
    """The mask as a person would have drawn it."""
    values = np.array(VALUES[kind], np.uint32)[classes]
    if kind == "colours":
        return np.stack([values >> 16, values >> 8 & 0xFF, values & 0xFF], -1).astype(np.uint8)
    return values.astype(np.uint8 if max(VALUES[kind]) < 256 else np.uint16)


def numbers_in(path):
    """The numbers of a flat mask, [H, W]."""
    reader = reader_of(path)
    return reader.mask(path, reader.header(path)).numbers[0]


def dice(found, truth):
    """Of two masks of truth values."""
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def train_on(kind, folder: Path, *flags):
    """A run in `folder` on pictures in ``folder/data``; returns what it left."""
    for name in ("images", "masks"):
        (folder / "data" / name).mkdir(parents=True)
    for number in range(10):
        picture, classes = scene(number, 200, 260)
        Image.fromarray(picture).save(folder / "data" / "images" / f"{number}.png")
        Image.fromarray(mask_of(kind, classes)).save(folder / "data" / "masks" / f"{number}.png")
    return train_again(folder, "--task", "image_folder", "--data", "data", *FLAGS.get(kind, ()), *flags)


def train_again(folder: Path, *flags):
    """Train with these flags in a process of its own, on one thread: two cores may be shared by many."""
    command = [sys.executable, str(REPOSITORY / "src" / "train_ddp.py"), "--nproc", "1", "--no-tui", *flags]
    env = {"XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    running = Running([*command, "--lr", "0.01"], folder, env)
    try:
        done = running.wait()
    finally:
        running.end()
    assert done.code == 0, done.stdout + done.stderr
    return done
