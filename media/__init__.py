"""The media worker: checks what people send before it is stored. Not built yet; the contract reserves its place."""
