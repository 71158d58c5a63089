"""A loop without torch that saves when it is asked to, until it is asked to stop."""

import time

import everybatch

saved = 0
with everybatch.init() as run:
    for _ in run.epochs():
        for _ in run.batches(range(20)):
            everybatch.log({"loss": 1.0})
            if run.save_asked:
                saved += 1
            time.sleep(0.02)
print(f"saved {saved} times")
