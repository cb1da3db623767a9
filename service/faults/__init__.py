"""Tills that misbehave by a seed, and the end state that must come out all the same."""
