"""The pos domain."""
