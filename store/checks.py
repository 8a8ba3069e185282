"""What a text or a value has to be before it is kept."""

from __future__ import annotations

import json
from typing import Any

from amfn.types import InputError
from store.tables import canonical

NAME_CHARACTERS = 500
COMMENT_CHARACTERS = 4_000
VALUE_BYTES = 64 * 1024


def require_text(what: str, text: object, limit: int = NAME_CHARACTERS) -> str:
    """The text without blanks around it. InputError for one that is empty, too long, or that no database can hold."""
    expected = f"a text of 1 to {limit:,} characters"
    if not isinstance(text, str):
        raise InputError(what, f"{type(text).__name__} in place of a text", expected, "Give a text.")
    kept = text.strip()
    if not kept:
        raise InputError(what, "an empty text", expected, "Write something first.")
    if len(kept) > limit:
        raise InputError(what, f"{len(kept):,} characters", f"at most {limit:,}", "Shorten the text.")
    if "\0" in kept or any("\ud800" <= character <= "\udfff" for character in kept):
        raise InputError(what, "characters that cannot be stored", "plain text", "Type the text instead of pasting it.")
    return kept


def require_json(what: str, value: Any) -> Any:
    """The value as JSON gives it back: tuples are lists, keys are texts. InputError for what JSON cannot say, and for
    more than 64 kB of it."""
    try:
        text = canonical(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            what, f"a value that JSON cannot hold ({error})", "texts, finite numbers, lists", "Convert it first."
        ) from error
    if len(text) > VALUE_BYTES:
        raise InputError(what, f"{len(text):,} bytes of JSON", f"at most {VALUE_BYTES:,}", "Send less.")
    return json.loads(text)
