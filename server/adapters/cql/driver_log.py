"""The driver's log lines, as an operator can use them.

The driver writes a traceback for whatever goes wrong between it and one node of the database. The node says itself, in one sentence,
what that means where it matters: at the start, and for each request that failed. What is left of the driver's is which node of the
database went.
"""

from __future__ import annotations

import logging

DRIVER = "cassandra"
SAID_ELSEWHERE = (
    "Control connection failed to connect",  # by the sentence with which the start goes on waiting, or ends
    "[control connection] Error connecting to",
    "Error preparing query",  # raised as well
    "Cluster.__init__ called with",
    "Event loop thread could not be joined",  # of a process that ends anyway
)


class OneLine(logging.Filter):
    """Lets the driver's warnings through without tracebacks, and its errors that are raised as well not at all. For a handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging. Changes the driver's records."""
        if record.name.partition(".")[0] != DRIVER:
            return True
        if record.levelno > logging.DEBUG and str(record.msg).startswith(SAID_ELSEWHERE):
            return False
        if record.exc_info:
            error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
            record.exc_info = record.exc_text = None
            if error is not None:
                record.error = (str(error).splitlines() or [""])[0][:300] or type(error).__name__
        return True
