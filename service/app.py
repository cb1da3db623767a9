"""Composition root for HTTP: settings → pool → routers → Litestar; the only list of routers."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from service.access.reads import client_of
from service.availability.reads import Cells, Places, ReadAvailability
from service.availability.routes import ROUTES as AVAILABILITY
from service.bench.routes import ROUTES as BENCH
from service.catalog.routes import ROUTES as CATALOG
from service.counts.routes import ROUTES as COUNTS
from service.db import Db
from service.exceptions.routes import ROUTES as EXCEPTIONS
from service.imports.routes import ROUTES as IMPORTS
from service.locations.routes import ROUTES as LOCATIONS
from service.log import log, set_up_logging
from service.migrate import schema_checksum
from service.parent import live_with_parent
from service.pos.commands import PostReceipt
from service.pos.routes import ROUTES as POS
from service.poslog.routes import ROUTES as POSLOG
from service.reservations.commands import PlaceHold, ReleaseReservation
from service.reservations.routes import ROUTES as RESERVATIONS
from service.settings import Settings, read_settings
from service.stock.routes import ROUTES as STOCK
from service.terminals.routes import ROUTES as TERMINALS
from service.transfers.routes import ROUTES as TRANSFERS
from service.web.auth import Tokens
from service.web.docs import ROUTES as DOCS
from service.web.edge import Edge
from service.web.health import ROUTES as HEALTH
from service.web.limits import Admission, RateLimit
from service.web.problems import Problem, instance_of
from service.web.reply import Response
from service.web.route import Kit, allow, mount

ROUTERS = (
    HEALTH,
    DOCS,
    LOCATIONS,
    CATALOG,
    IMPORTS,
    AVAILABILITY,
    RESERVATIONS,
    STOCK,
    TRANSFERS,
    COUNTS,
    TERMINALS,
    POS,
    EXCEPTIONS,
    POSLOG,
)

# what a till or a customer waits for: planned before the first request
PLANNED = (ReadAvailability, PlaceHold, ReleaseReservation, PostReceipt)


def build_app(settings: Settings, db: Db) -> Edge:
    """The whole HTTP service on a pool that is opened and closed with it."""
    kit = Kit(
        tokens=Tokens(partial(client_of, db)),
        rate=RateLimit(settings.rate_limit),
        admission=Admission(
            settings.read_inflight, settings.command_inflight, settings.till_inflight
        ),
        schema=schema_checksum(),
    )

    routers = (*ROUTERS, BENCH) if settings.bench else ROUTERS

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await db.open()
        await db.warm(*PLANNED)
        yield
        await db.close()

    litestar = Litestar(
        route_handlers=mount(one for router in routers for one in router),
        exception_handlers={Exception: _refuse},  # type: ignore[dict-item] # our own Response
        openapi_config=None,
        lifespan=[lifespan],
        state=State(
            {
                "kit": kit,
                "db": db,
                "settings": settings,
                "places": Places(),
                "cells": Cells(),
            },
            deep_copy=False,
        ),
        logging_config=None,
    )
    return Edge(litestar)


def serve_app() -> Edge:
    """What the HTTP server loads in each worker process."""
    settings = read_settings()
    set_up_logging(settings.log_level, settings.log_format)
    live_with_parent()
    app = build_app(settings, Db(settings.database_url or "", size=settings.pool_size))
    # what was imported stays: the collector need not look at it again and again
    gc.collect()
    gc.freeze()
    # a request makes hundreds of objects that count their own end: looking for cycles among them
    # at every 700th is 6 % of a hold, and finds nothing
    gc.set_threshold(20_000, 20, 20)
    return app


def _refuse(request: Request[Any, Any, Any], error: Exception) -> Response:
    """What Litestar itself refuses, and what nobody foresaw, as problem+json."""
    scope = request.scope
    problem = Problem("internal_error")
    if isinstance(error, Problem):
        problem = error
    elif isinstance(error, NotFoundException):
        problem = Problem("not_found", "There is no such route; see /docs.")
    elif isinstance(error, MethodNotAllowedException):
        allowed = allow((error.headers or {}).get("allow", "").split(", "))
        problem = Problem("method_not_allowed", headers={"Allow": allowed})
    elif isinstance(error, HTTPException) and error.status_code < 500:  # noqa: PLR2004 - a class
        problem = Problem("invalid_request")
    else:
        template, request_id = scope.get("path_template"), scope.get("request_id")
        log.error("unforeseen", exc_info=error, path_template=template, request_id=request_id)
    return problem.response(instance_of(scope))
