"""Pure rules of calls: events in, commands out."""
