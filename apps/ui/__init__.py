"""What the demos share: theme, languages, controls, the bridge from a click to a run."""
