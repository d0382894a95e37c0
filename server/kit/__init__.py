"""What every process of ours is made of: refusals, settings, listeners, log lines. It knows nothing of chat or media."""
