"""Tests, in the tree of what they test; a package, so that they find the suite."""
