"""Numbered migrations of the catalogue."""
