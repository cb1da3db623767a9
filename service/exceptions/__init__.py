"""The exceptions domain."""
