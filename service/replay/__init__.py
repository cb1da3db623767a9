"""Recorded sales of other shops, turned into what tills, staff and customers would send."""
