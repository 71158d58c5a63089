"""``python -m everybatch``."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the current folder: files in it may have names of Python's own modules
    from .app.command_line import main

    sys.exit(main())
