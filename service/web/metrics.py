"""Prometheus metrics of one process, or of all when PROMETHEUS_MULTIPROC_DIR is set (serve)."""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    # The client asks the system for the process's id at each value, three times a request, to
    # notice a fork: 7 % of a hold. Our processes are started anew, never forked.
    _PID = os.getpid()
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: _PID)  # type: ignore[no-untyped-call]

REQUESTS = Counter("hylde_requests", "Requests by route and status", ["route", "method", "status"])
SECONDS = Histogram(
    "hylde_request_seconds",
    "Time to answer by route",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3),
)
INVARIANTS = Gauge(
    "hylde_invariant_violations",
    "Rows that break an invariant",
    ["invariant"],
    multiprocess_mode="mostrecent",
)
LAG = Histogram(
    "hylde_pos_lag_seconds",
    "From a receipt's own time to its being recorded",
    buckets=(0.5, 1, 2, 5, 15, 60, 300, 1_800, 7_200, 28_800, 86_400, 604_800),
)
JOBS = Counter("hylde_job_runs", "Runs of jobs by outcome", ["job", "outcome"])

_counters: dict[tuple[str, str, int], Counter] = {}
_histograms: dict[str, Histogram] = {}


def observe(route: str, method: str, status: int, seconds: float) -> None:
    """Count one request; children are looked up once."""
    counter = _counters.get((route, method, status))
    if counter is None:
        counter = _counters[route, method, status] = REQUESTS.labels(route, method, status)
    counter.inc()
    histogram = _histograms.get(route)
    if histogram is None:
        histogram = _histograms[route] = SECONDS.labels(route)
    histogram.observe(seconds)


def exposition() -> tuple[bytes, str]:
    """What /metrics answers: the text and its content type."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
