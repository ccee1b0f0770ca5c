"""Speed against named peers, each a command that prints a table."""
