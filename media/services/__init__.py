"""Use cases of the media worker."""
