"""A folder for PYTHONPATH: every Python process below `everybatch run` imports its `sitecustomize`."""
