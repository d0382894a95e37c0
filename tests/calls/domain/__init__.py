"""Tests of the pure rules of calls."""
