"""Two ranks by `torch.multiprocessing.spawn`, which tells them nothing by the environment."""

import os
import socket

import torch.multiprocessing as mp
from two_lines_ddp import main

if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    mp.spawn(main, args=(2, port, bool(os.environ.get("EARLY"))), nprocs=2)
