"""How fish quotes: reads the word at the cursor, of which it gives the raw text."""

# Importing typing would take longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_IN_QUOTES: "Final" = {"'": "\\'", '"': '\\"$'}
"""What a backslash quotes between quotes."""


def unquoted(text: str) -> str:
    """Return what a word means; a quote may still be open."""
    found, quote = "", ""
    is_escaped = False
    for sign in text:
        if is_escaped:
            is_escaped = False
            is_kept = quote and sign not in _IN_QUOTES[quote]
            found += f"\\{sign}" if is_kept else sign
        elif sign == "\\":
            is_escaped = True
        elif sign == quote:
            quote = ""
        elif not quote and sign in _IN_QUOTES:
            quote = sign
        else:
            found += sign
    return found
