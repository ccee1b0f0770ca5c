"""Real datasets: where each comes from, its licence, its checksums, and its arrays."""
