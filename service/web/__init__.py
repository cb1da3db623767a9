"""The HTTP kit: problem replies, tokens, keys, limits, paging. Knows Litestar, knows no domain."""
