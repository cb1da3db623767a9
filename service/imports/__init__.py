"""Whole files of places, items and stock, line by line: one bad line never loses the others."""
