"""The formats of the files of a run: files that only grow, CSV rows and their repair, the journal."""
