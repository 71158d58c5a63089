"""A clone of this repository, as a stranger gets it."""

import shutil
import subprocess
from pathlib import Path

from .support import REPOSITORY


def clone(folder: Path) -> Path:
    """Clone the repository into `folder`, with what the working tree has changed and not committed yet."""
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder)], check=True)
    changed = git(REPOSITORY, "diff", "--name-only", "-z", "HEAD")
    new = git(REPOSITORY, "ls-files", "--others", "--exclude-standard", "-z")
    for name in filter(None, (changed + new).split("\0")):
        (folder / name).unlink(missing_ok=True)
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    git(folder, "add", "--all")
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
    git(folder, *who, "commit", "--quiet", "--allow-empty", "--message", "the working tree")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """What a command of git prints in `folder`."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout
