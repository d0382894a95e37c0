"""Telephone numbers, checked with the `phonenumbers` package (a port of Google's libphonenumber, well kept)."""

from __future__ import annotations

import phonenumbers


def is_phone(text: str) -> bool:
    """Whether `text` is a number that can exist, in E.164 form."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return False
    formatted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return phonenumbers.is_possible_number(number) and formatted == text
