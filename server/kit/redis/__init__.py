"""Redis, as every process uses it: one guarded way, with a quarter of a second and one try."""
