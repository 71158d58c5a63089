"""Readers of formats."""
