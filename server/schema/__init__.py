"""Migrations of the embedded store, numbered, applied in order at start, never changed once released."""
