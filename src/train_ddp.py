"""The guide's command: ``python src/train_ddp.py [flags]``, the same as ``everybatch train [flags]``."""

import sys

if __name__ == "__main__":
    try:
        from everybatch.app.command_line import main
    except ModuleNotFoundError as error:
        sys.exit(f"{error}; install the project first: make install, or pip install -e .")
    sys.exit(main(["train", *sys.argv[1:]]))
