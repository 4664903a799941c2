"""The benchmark: what an entrant is, and how it is scored."""
