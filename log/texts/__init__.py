"""The texts of everybatch: a folder a language, with the same files and keys."""
