"""One file or folder for each dependency."""
