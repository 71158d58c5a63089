"""A small folder of pictures with a liver and a tumour in them."""

import re

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 60, 90
LIVER, TUMOUR = (slice(6, 54), slice(9, 45)), (slice(20, 32), slice(50, 80))
NAMES = "liver=1,tumour=2"
GREY = 100


def mask_of(number):
    """Liver in all, a tumour in the even ones."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[LIVER] = 1
    if number % 2 == 0:
        mask[TUMOUR] = 2
    return mask


def write_scans(folder):
    """Ten grey pictures of classes 1 and 2, and what is none of them."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(10):
        Image.new("L", (WIDTH, HEIGHT), GREY).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(mask_of(number)).save(folder / "masks" / f"{number:02}.png")
    (folder / "images" / "notes.txt").write_text("of the day")
    (folder / "masks" / "99.png").write_bytes((folder / "masks" / "00.png").read_bytes())


def rows(text):
    """The cells of each line, by the first one."""
    lines = [re.split(r" {2,}", line.strip()) for line in text.splitlines()]
    return {cells[0]: cells[1:] for cells in lines if len(cells) > 1}
