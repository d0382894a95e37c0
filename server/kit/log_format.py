"""Log lines: text that a person can read on a terminal, JSON otherwise. Never a token, a code of another's, a number or a body."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


class TextFormat(logging.Formatter):
    """20:15:03 info  message key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        extra = "".join(f" {key}={value}" for key, value in _extra(record).items())
        text = f"{at} {record.levelname.lower():<7} {record.getMessage()}{extra}"
        return text + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


class JsonFormat(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"at": at, "level": record.levelname.lower(), "event": record.getMessage(), **_extra(record)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up(log_format: str, level: str, *filters: logging.Filter) -> None:
    """Log to stderr what the filters let through. `log_format`: auto, text or json."""
    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(TextFormat() if as_text else JsonFormat())
    for one in filters:
        handler.addFilter(one)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
