"""The guide's command: ``python analyze_training.py [RUN …]``, the same as ``everybatch analyze [RUN …]``."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder of this file: others in it may have names of Python's own modules
    try:
        from everybatch.app.command_line import main
    except ModuleNotFoundError as error:
        sys.exit(f"{error}; install the project first: make install, or pip install -e .")
    sys.exit(main(["analyze", *sys.argv[1:]]))
