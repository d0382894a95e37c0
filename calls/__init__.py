"""The calls process: signalling of voice and video calls, and the unit that forwards the media of group calls."""
