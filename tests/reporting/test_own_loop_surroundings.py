"""A loop of one's own in a process that lacks what others have: the training goes on as it would without us."""

import os
import sys

import pytest

from ..support import only, said
from .loops import ended

LOOP = """
import everybatch
with everybatch.init() as run:
    for step in range(3):
        run.log(loss=step)
print("trained")"""
ODD_STDERR = {
    "full": "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 2)",
    "missing": "sys.stderr = None",
    "closed": "sys.stderr.close()",
    "raises": "sys.stderr = type('Odd', (), {'write': lambda *_: 1 / 0, 'flush': lambda _: None, 'encoding': 3})()",
    "nobody reads": """
import os, signal
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 2)""",
    "nobody reads yet": """
import os
os.pipe_reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, bytes(1 << 12))
except BlockingIOError:
    os.set_blocking(writer, True)
os.dup2(writer, 2)""",
}


@pytest.mark.parametrize("stderr", ODD_STDERR.values(), ids=ODD_STDERR)
def test_a_stderr_of_any_kind_ends_no_training(start, stderr):
    done, run = ended(start("-c", f"import sys\n{stderr}\n{LOOP}"))
    assert (done.code, done.stdout, done.stderr) == (0, "trained\n", "")
    assert (run.state, len(done.log_batch_lines())) == ("finished", 3)


def test_where_standard_streams_are_closed_no_connection_of_ours_takes_their_numbers(start):
    noisy = f"""
import os
{LOOP.replace("run.log(loss=step)", "run.log(loss=step); print_natively()")}"""
    native = """
def print_natively():
    for number in 0, 2:
        try:
            os.write(number, b"of native code")
        except OSError as error:
            assert error.errno == errno.EBADF
"""
    code = f"import os, errno{native}{noisy}"
    closing = (
        f"import os, sys; os.close(0); os.close(2); os.execv(sys.executable, [sys.executable, '-c', {code!r}])"
    )
    done, run = ended(start("-c", closing))
    assert (done.code, done.stdout, run.state, len(done.log_batch_lines())) == (0, "trained\n", "finished", 3)


def test_a_stderr_without_chinese_gets_english(start):
    done, run = ended(start("-c", LOOP, PYTHONIOENCODING="latin-1"))
    assert (done.code, run.state) == (0, "finished")
    assert (
        done.stderr == f"everybatch: run {run.run_id}; watch it from any terminal: everybatch attach {run.run_id}\n"
    )


GONE = "import os\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"


def test_without_a_current_folder_it_warns_once_and_goes_on(start):
    done = start("-c", f"{GONE}\n{LOOP}").wait()
    assert (done.code, done.stdout, len(done.stderr.splitlines())) == (0, "trained\n", 1)
    assert said(done.stderr, "api_off")


@pytest.mark.parametrize("below", [False, True], ids=["alone", "below everybatch run"])
def test_a_current_folder_that_is_gone_matters_only_where_files_go_there(start, tmp_path, below):
    alone = LOOP.replace("init()", f"init(output_dir={str(tmp_path)!r})")
    command = ("-m", "everybatch", "run", sys.executable) if below else ()
    done, run = ended(start(*command, "-c", f"{GONE}\n{LOOP if below else alone}"))
    assert (done.code, run.state, len(done.log_batch_lines())) == (0, "finished", 3), done.stderr


def test_more_than_1024_open_files_and_a_long_temporary_folder_are_no_obstacle(start, tmp_path):
    long = tmp_path / ("x" * 60) / ("y" * 60)
    long.mkdir(parents=True)
    many = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
open_files = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]"""
    done, run = ended(start("-c", f"{many}\n{LOOP}", TMPDIR=str(long)))
    assert (done.code, run.state, len(done.log_batch_lines())) == (0, "finished", 3), done.stderr
    assert done.stderr.splitlines() == said(done.stderr, "api_watch")


HANGS = """
import everybatch, json, os, pathlib, signal, sys, time
run = everybatch.init()
run.log(loss=1)
recorder = json.loads(next(pathlib.Path().glob(".everybatch/*/run.json")).read_text())["pid"]
os.kill(recorder, signal.SIGSTOP)
for _ in range(3000):  # more than a socket takes
    run.log(loss=1, **{f"value {number}": float(number) for number in range(60)})
"""


@pytest.mark.parametrize("ending", ["raise ValueError('no more')", "with run:\n    raise ValueError('no more')"])
def test_an_exception_is_shown_before_anything_waits_for_a_run_process_that_hangs(start, ending):
    shows = """
def shows(kind, error, trace):
    print(f"{kind.__name__}: {error}", file=sys.stderr)
    os.kill(recorder, signal.SIGCONT)
sys.excepthook = shows
"""
    done, run = ended(start("-c", HANGS.replace("run = ", f"{shows}\nrun = ") + ending))
    assert (done.code, run.state) == (1, "failed")
    assert done.stderr.splitlines()[1:] == ["ValueError: no more"]
    assert said(run.content["cause"], "failed_raised", error="ValueError", message="no more")


def test_a_run_process_that_hangs_at_the_end_is_said_to(start):
    patience = "from everybatch.reporting.api import run as api\napi.END_SECONDS = 0.5\n"
    end = "run.finish()\nprint('trained')\nos.kill(recorder, signal.SIGKILL)"
    done = start("-c", f"{patience}{HANGS}{end}").wait()
    assert (done.code, done.stdout) == (0, "trained\n")
    assert said(done.stderr, "api_end_lost")
    assert len(done.stderr.splitlines()) == 2


def test_a_run_process_that_does_not_start_is_said_and_given_up(start, tmp_path):
    hangs = "import sys, time\nif 'everybatch.run' in sys.orig_argv:\n    time.sleep(1000)\n"
    (tmp_path / "sitecustomize.py").write_text(hangs)
    patience = """
from everybatch.reporting.api import starter
starter.SLOW_SECONDS, starter.START_SECONDS = 0.1, 0.6"""
    done = start("-c", f"{patience}\n{LOOP}", PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}").wait()
    assert (done.code, done.stdout) == (0, "trained\n")
    slow, off = done.stderr.splitlines()
    assert said(slow, "api_slow")
    assert said(off, "api_off")
    assert not list(tmp_path.glob(".everybatch"))


def test_a_folder_and_a_script_whose_names_are_no_text_are_recorded(start, tmp_path):
    name = os.fsdecode(b"caf\xe9")
    (tmp_path / name).mkdir()
    (tmp_path / name / f"{name}.py").write_text(LOOP)
    code = "import os, sys; os.chdir(sys.argv[1]); os.execv(sys.executable, [sys.executable, sys.argv[1] + '.py'])"
    done = start("-c", code, name).wait()
    assert (done.code, done.stdout, len(done.stderr.splitlines())) == (0, "trained\n", 1)
    assert len(only(tmp_path / name, "log/training_*.log").read_text().split("Batch Loss")) == 4


@pytest.mark.parametrize("lack", ["sys.argv = []", "del sys.argv", "sys.executable = None"])
def test_where_python_lacks_what_a_program_with_python_within_it_may_lack_it_goes_on(start, lack):
    done = start("-c", f"import sys\n{lack}\n{LOOP}").wait()
    assert (done.code, done.stdout, len(done.stderr.splitlines())) == (0, "trained\n", 1)
    assert bool(said(done.stderr, "api_off")) == ("executable" in lack)


def test_the_variables_of_a_command_that_is_over_are_none(start, tmp_path):
    over = {"EVERYBATCH_SOCKET": str(tmp_path / "nothing"), "EVERYBATCH_TOKEN": "of nothing"}
    done, run = ended(start("-c", LOOP, **over))
    assert (done.code, run.state, len(done.log_batch_lines())) == (0, "finished", 3), done.stderr
