"""Who may ask: clients and their keys."""
