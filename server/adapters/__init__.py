"""One module for each dependency and port. They convert at the edge, decide nothing, and do not know one another."""
