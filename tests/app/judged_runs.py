"""Runs of image_folder whose validation pictures are judged, and what is said of them."""

import json
import re

import numpy as np
from everybatch.app.command_line import main
from everybatch.log.catalogue import Catalogue
from PIL import Image

from ..support import only
from ..trained import mask_of, train_on
from .scans import rows

WRONG = "9"
BLOCK = (slice(20, 100), slice(20, 120))
"""All that the mask of the wrong one has."""
EPOCHS = "3"


def train_and_spoil(kind, folder):
    """Train on masks of a kind; then the mask of a validation picture is made wrong."""
    train_on(kind, folder, "--epochs", EPOCHS)
    classes = np.zeros((200, 260), np.uint8)
    classes[BLOCK] = 1
    Image.fromarray(mask_of(kind, classes)).save(folder / "data" / "masks" / f"{WRONG}.png")


def tell(folder, **config):
    """Change the config that run.json tells."""
    path = only(folder, ".everybatch/*/run.json")
    content = json.loads(path.read_bytes())
    content["config"] |= config
    path.write_text(json.dumps(content))


def analyzed(capsys, *arguments, lang="en"):
    assert main(["analyze", *arguments, "--lang", lang]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def table(out, lang="en"):
    """The rows of the worst cases by their names, in their order, and the title."""
    title = re.escape(Catalogue(lang).text("cases_title", name="best.pt", epoch=0)).replace("0", r"\d+")
    found = re.search(rf"^{title}\n(.*?)\n\n", out, re.MULTILINE | re.DOTALL)
    return rows(found[1])


def reason(out, lang="en"):
    """Why nothing was judged, in one line."""
    begin = Catalogue(lang).text("cases_not_judged", reason="")
    (line,) = [line for line in out.splitlines() if line.startswith(begin)]
    return line.removeprefix(begin)
