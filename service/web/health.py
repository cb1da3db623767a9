"""Whether the process is up, the database reachable and the schema current; metrics."""

from typing import Any

from service.lanes import LaneError
from service.web.metrics import exposition
from service.web.problems import Problem
from service.web.reply import Response
from service.web.route import Call, endpoint, reply


@endpoint("GET", "/healthz", summary="Process is up", shed="never", tag="service")
async def healthz(_: Call[Any]) -> Response:
    """Answers 200 while the process answers at all; asks no database."""
    return reply({"status": "up"})


@endpoint(
    "GET",
    "/readyz",
    summary="Ready for work",
    refuses=("database_unavailable",),
    shed="till",
    tag="service",
)
async def readyz(call: Call[Any]) -> Response:
    """Answers 200 when the database is reachable and its schema is this release's."""
    try:
        found = await call.state.db.value("web.installed_checksum")
    except LaneError as error:
        raise Problem("database_unavailable") from error
    if found != call.state.kit.schema:
        raise Problem("database_unavailable", "The schema is not current: run `hylde migrate`.")
    return reply({"status": "ready"})


@endpoint("GET", "/metrics", summary="Prometheus metrics", shed="till", tag="service")
async def metrics(_: Call[Any]) -> Response:
    """Prometheus text format."""
    body, media_type = exposition()
    return Response(content=body, media_type=media_type)


ROUTES = (healthz, readyz, metrics)
