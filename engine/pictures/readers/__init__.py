"""Readers of files, one for the formats of one library; `formats` knows which file is read by which."""
