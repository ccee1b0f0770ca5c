"""Tokens as people can read them: what is white on paper gets a sign."""

SIGNS = str.maketrans({" ": "␣", "\u00a0": "␣", "\u3000": "␣", "\n": "⏎", "\r": "⏎", "\t": "⇥"})
NOTHING = "∅"


def visible(token: str) -> str:
    """A token's text with its white space shown; a token without a text is `∅`."""
    shown = token.translate(SIGNS)
    # What does not print, such as a control character, would be an empty place too.
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown) or NOTHING
