"""The workshop on ffmpeg and ffprobe, run in a sandbox."""
