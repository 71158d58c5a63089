"""Somebody's pictures and masks: found, read, understood, and cut into samples."""
