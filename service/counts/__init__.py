"""Counting what is really there, by zone and blind, while the shop stays open."""
