"""Holds with an end: what a checkout keeps for a customer at the chosen place."""
