"""Tokens as people can read them: what is white on paper gets a sign."""

SIGNS = str.maketrans({" ": "␣", "\u00a0": "␣", "\u3000": "␣", "\n": "⏎", "\r": "⏎", "\t": "⇥"})
NOTHING = "∅"


def visible(token: str) -> str:
    """A token's text with its white space shown; a token without a text is `∅`."""
    shown = token.translate(SIGNS)
    # What does not print, such as a control character, would be an empty place too.
    return "".join(c if c.isprintable() else escaped(c) for c in shown) or NOTHING


def escaped(character: str) -> str:
    """What stands for a character that does not print, such as `\\x1b`."""
    return character.encode("unicode_escape").decode()
