"""Goods by place and item: the ledger, its balances, and what can be promised of them."""
