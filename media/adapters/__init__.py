"""One adapter for each dependency; they do not know one another."""
