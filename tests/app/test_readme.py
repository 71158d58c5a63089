"""Both READMEs, word by word, as a newcomer follows them.

A new clone, an interactive shell on a terminal with the environment of a login, the system's Python, and the
README's commands typed one after another. That `python` and `everybatch` are found is the README's business alone.

What is not as a newcomer has it: after ``python3 -m venv .venv`` the new environment is shown the packages that
this test runs with, at the versions of requirements.txt, and pip is kept from the network. So ``pip install -r
requirements.txt`` checks every requirement, builds and installs the project, and downloads nothing. And ``make
test`` is only asked what it would do, because it would come back here. The `slow` test spares itself nothing: pip
downloads everything, and ``make test`` runs.
"""

import json
import os
import re
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import everybatch
import pytest
from everybatch.log.catalogue import Catalogue

from ..clone import clone, git
from ..markdown import blocks, commands, shape
from ..support import REPOSITORY, until
from .terminal import Terminal, kill_runs

LANGUAGES = {"README.md": "en", "README.zh-CN.md": "zh"}
PROMPT = re.compile(r"\[exit (\d+)\] $")
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
"""pip reads the second as the value of "build isolation", not of "no build isolation"."""
PATIENCE = 120
SLOW_PATIENCE = 3600


@pytest.mark.parametrize("readme", ["README.md", pytest.param("README.zh-CN.md", marks=pytest.mark.slow)])
def test_a_newcomer_gets_through(readme, tmp_path):
    if missing := _missing_pins():
        pytest.skip(f"this environment is not that of requirements.txt: {', '.join(missing)}")
    newcomer = Newcomer(tmp_path, LANGUAGES[readme], **OFFLINE)
    try:
        for command in commands(REPOSITORY / readme):
            newcomer.follow(command.replace("make test", "make -n test"))
            if command == "python3 -m venv .venv":
                _lend_packages(newcomer.folder / ".venv", tmp_path / "lent")
        newcomer.has_what_the_readme_promises(readme)
    finally:
        newcomer.leave()


@pytest.mark.slow
@pytest.mark.parametrize("readme", LANGUAGES)
def test_a_newcomer_gets_through_with_nothing_lent(readme, tmp_path):
    network = re.compile(r"PIP_|SSL_|REQUESTS_|CURL_|(.*_proxy$)", re.IGNORECASE)
    found = {name: value for name, value in os.environ.items() if network.match(name)}
    newcomer = Newcomer(tmp_path, LANGUAGES[readme], patience=SLOW_PATIENCE, **found)
    try:
        for command in commands(REPOSITORY / readme):
            newcomer.follow(command)
        newcomer.has_what_the_readme_promises(readme)
    finally:
        newcomer.leave()


def test_both_readmes_say_the_same():
    english, chinese = (commands(REPOSITORY / readme) for readme in LANGUAGES)
    assert [line for line in english if line != "export EVERYBATCH_LANG=en"] == chinese
    assert shape(REPOSITORY / "README.md") == shape(REPOSITORY / "README.zh-CN.md")


class Newcomer:
    """A person who has just cloned the repository and types what the README says."""

    def __init__(self, home, lang, patience=PATIENCE, **env):
        self.folder = clone(home / "everybatch")
        self._catalogue = Catalogue(lang)
        self._patience = patience
        system = home / "system"
        system.mkdir()
        python = system / "python3"
        python.write_text(f'#!/bin/sh\nexec "{sys._base_executable}" "$@"\n')
        python.chmod(0o755)
        login = {
            "HOME": str(home),
            "PATH": f"{system}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PS1": "[exit $?] ",
            "XDG_STATE_HOME": str(home / "state"),
            "PIP_REQUIRE_VIRTUALENV": "1",  # a README that forgets to activate must not fill this machine's Python
            **env,
        }
        shell = ["bash", "--noprofile", "--norc", "--noediting", "-i"]
        self._terminal = Terminal(shell, self.folder, env=login, inherit=False)
        self._since = 0
        self._waits_for(self._prompted)

    def follow(self, command):
        """Type a command, do at the monitor what the README says there, and wait for the prompt."""
        self._types(command + "\n")
        match command:
            case "everybatch run python examples/unchanged.py":
                self._sees("Batch Loss")
                self._sees(f" {self._catalogue.text('state_finished')} ")
                self._types("q")
            case "python src/train_ddp.py":
                self._sees("Batch Loss")
                self._waits_for(lambda: list(self.folder.glob("checkpoints/*/best.pt")))  # looks on for a while
                self._presses_q_and("d")
            case "everybatch attach":
                self._sees("Batch Loss")
                self._presses_q_and("d")
            case "python src/train_ddp.py --resume":
                self._sees("Batch Loss")
                self._presses_q_and("s")
                self._sees(f" {self._catalogue.text('state_stopped')} ")
                self._types("q")
        self._waits_for(self._prompted)
        assert self._prompted()[1] == "0", self._said()
        if command == "everybatch stop":  # reads on, and so gives it the time of a batch
            until(lambda: self._run()["state"] == "stopped", self._patience)

    def has_what_the_readme_promises(self, readme):
        """The run that was left, stopped and resumed is whole, and the clone as clean as it was."""
        assert (self._run()["state"], self._run()["attempt"]) == ("stopped", 2)
        log = self._newest("log/training_*.log")
        (shown,) = blocks(REPOSITORY / readme, "")
        lines = {re.sub(r"\d", "N", line.split(" ", 2)[2]) for line in log.read_text("utf-8").splitlines()}
        assert {re.sub(r"\d", "N", line) for line in shown.splitlines()} <= lines
        assert list(self.folder.glob("metrics/analysis_*.png"))
        assert git(self.folder, "status", "--porcelain") == ""
        self.follow("pip show everybatch")
        assert f"Version: {everybatch.__version__}\r\n" in self._said()

    def leave(self):
        """End whatever still runs, and give the gigabytes back."""
        self._terminal.kill()
        kill_runs(self.folder)
        shutil.rmtree(self.folder / ".venv", ignore_errors=True)

    def _presses_q_and(self, key):
        self._types("q")
        self._sees(self._catalogue.text("ui_quit_s"))
        self._types(key)

    def _types(self, keys):
        self._since = len(self._terminal.output)
        self._terminal.type(keys)

    def _sees(self, text):
        self._waits_for(lambda: text in self._said())

    def _waits_for(self, condition):
        try:
            until(lambda: condition() or self._prompted(), self._patience)
        except AssertionError as error:
            raise AssertionError(self._said()[-4000:]) from error
        assert condition(), self._said()[-4000:]

    def _said(self):
        return self._terminal.text(self._since)

    def _prompted(self):
        return PROMPT.search(self._said())

    def _run(self):
        return json.loads(self._newest(".everybatch/*/run.json").read_text("utf-8"))

    def _newest(self, pattern):
        """Of the files of all runs, that of the newest one."""
        return max(self.folder.glob(pattern))


def _missing_pins():
    """What requirements.txt pins and this environment does not have at that version."""
    pins = re.findall(r"^([\w.-]+)==(\S+)$", (REPOSITORY / "requirements.txt").read_text("utf-8"), re.M)
    return [f"{name} {pinned}" for name, pinned in pins if _installed(name) != pinned]


def _installed(name):
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def _lend_packages(environment, folder):
    """Show `environment` all packages of this one but pip and everybatch, in front of its own."""
    folder.mkdir()
    for path in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(path).iterdir():
            if not entry.name.startswith(("pip", "everybatch", "__editable__")):
                (folder / entry.name).symlink_to(entry)
    (packages,) = environment.glob("lib/python3*/site-packages")
    (packages / "lent.pth").write_text(f"import sys; sys.path.insert(0, {str(folder)!r})\n")
    torchrun = environment / "bin" / "torchrun"
    torchrun.write_text(f"#!{environment}/bin/python\nfrom torch.distributed.run import main\nmain()\n")
    torchrun.chmod(0o755)
