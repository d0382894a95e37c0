"""Pure rules of uploads, blobs and who holds them. Imports nothing but itself, the standard library and `tidewire.media_rules`."""
