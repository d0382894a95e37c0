"""Nodes with one bug each, and the named points: what makes several nodes lose something. A scenario must find every one of them."""
