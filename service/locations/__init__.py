"""Places: where they are, when they are open, what a pickup there can promise."""
