"""The guide's command: ``python analyze_training.py [RUN …]``, the same as ``everybatch analyze [RUN …]``."""

import sys

if __name__ == "__main__":
    try:
        from everybatch.app.command_line import main
    except ModuleNotFoundError as error:
        sys.exit(f"{error}; install the project first: make install, or pip install -e .")
    sys.exit(main(["analyze", *sys.argv[1:]]))
