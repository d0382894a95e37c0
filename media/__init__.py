"""The media worker: takes uploads, checks them by their content, stores what it makes of them, and serves it to those who may see it."""
