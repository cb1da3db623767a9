"""Rate limits per client, and admission: what is shed first when too much is under way."""

import time

from service.web.problems import Problem


class Bucket:
    """A token bucket: `rate` a second, one second's worth at most."""

    __slots__ = ("at", "left")

    def __init__(self, rate: float) -> None:
        self.left = rate
        self.at = time.monotonic()


class RateLimit:
    """Requests a second per client and process; 0 turns it off."""

    def __init__(self, rate: int) -> None:
        """`rate` requests a second."""
        self.rate = rate
        self._buckets: dict[int, Bucket] = {}
        self.policy = f'"client";q={rate};w=1'

    def take(self, client_id: int) -> str | None:
        """Take one; gives the RateLimit header, or None when off.

        Raises:
            Problem: 429 with Retry-After.
        """
        if not self.rate:
            return None
        bucket = self._buckets.get(client_id)
        if bucket is None:
            bucket = self._buckets[client_id] = Bucket(float(self.rate))
        now = time.monotonic()
        bucket.left = min(float(self.rate), bucket.left + (now - bucket.at) * self.rate)
        bucket.at = now
        if bucket.left < 1:
            raise Problem(
                "rate_limited",
                f"At most {self.rate} requests a second.",
                headers={
                    "Retry-After": "1",
                    "RateLimit": '"client";r=0;t=1',
                    "RateLimit-Policy": self.policy,
                },
            )
        bucket.left -= 1
        return f'"client";r={int(bucket.left)};t=1'


class Admission:
    """Requests under way, by class; beyond a class's limit 503, before the body is read.

    Reads are shed first: all requests together count against the limit of the asker's class, and
    reads have the lowest, tills the highest. "never" is for the probe that would restart us.
    """

    def __init__(self, read: int, command: int, till: int) -> None:
        """The most requests under way at which each class is still admitted."""
        self._limits = {"read": read, "command": command, "till": till}
        self.under_way = 0

    def enter(self, kind: str) -> None:
        """Count one in.

        Raises:
            Problem: 503 with Retry-After.
        """
        if self.under_way >= self._limits.get(kind, self.under_way + 1):
            raise Problem("overloaded")
        self.under_way += 1

    def leave(self) -> None:
        """Count one out."""
        self.under_way -= 1
