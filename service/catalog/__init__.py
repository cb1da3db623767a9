"""Items, their codes and their packs."""
