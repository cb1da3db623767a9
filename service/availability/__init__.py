"""The availability domain."""
