"""The closed list of refusals: every code a reply can carry, with its status and its way out.

SQL functions and rules name a code; only this table knows its HTTP status. A code that is missing
here is a bug, and a test compares this list with the codes in the SQL text.
"""

from typing import Final, NamedTuple


class Refusal(NamedTuple):
    """How a refusal is told: HTTP status, title, what to do next, and whether to try again."""

    status: int
    title: str
    advice: str = ""
    retryable: bool = False


REFUSALS: Final[dict[str, Refusal]] = {
    # the request itself
    "invalid_request": Refusal(400, "The request does not fit the schema"),
    "invalid_json": Refusal(400, "The body is not valid JSON"),
    "invalid_encoding": Refusal(400, "The body is not valid UTF-8"),
    "invalid_xml": Refusal(400, "The body is no POSLog that can be read"),
    "too_deep": Refusal(400, "The body is nested too deeply", "Nest at most 32 levels."),
    "invalid_cursor": Refusal(400, "The cursor is not one of ours", "Start without a cursor."),
    "invalid_path": Refusal(400, "The path cannot be read"),
    "idempotency_key_required": Refusal(
        400, "An Idempotency-Key is needed", "Send a new key with each new request."
    ),
    "invalid_idempotency_key": Refusal(
        400, "The Idempotency-Key cannot be used", "Send one of 1-255 visible ASCII characters."
    ),
    "unauthenticated": Refusal(401, "A valid token is needed"),
    "forbidden_scope": Refusal(403, "The token lacks the scope"),
    "forbidden_location": Refusal(403, "The token does not cover this location"),
    "not_found": Refusal(404, "There is no such thing here"),
    "method_not_allowed": Refusal(405, "This method is not offered here"),
    "request_timeout": Refusal(408, "The body did not arrive in time", retryable=True),
    "body_too_large": Refusal(413, "The body is too large"),
    "batch_too_large": Refusal(413, "The batch is too large", "Send it in parts."),
    "uri_too_long": Refusal(414, "The address is too long"),
    "incomplete_body": Refusal(400, "The body ended before its end"),
    "header_too_large": Refusal(431, "The headers are too large"),
    "unsupported_media_type": Refusal(415, "The content type is not taken here"),
    "precondition_failed": Refusal(412, "The resource has changed", "Read it again."),
    "rate_limited": Refusal(429, "Too many requests", retryable=True),
    # business
    "idempotency_key_reused": Refusal(
        422, "The Idempotency-Key was used for another request", "Use a new key."
    ),
    "idempotency_in_flight": Refusal(
        409, "The first request with this key is still being decided", retryable=True
    ),
    "unknown_location": Refusal(422, "There is no such location"),
    "unknown_sku": Refusal(422, "There is no such item"),
    "unknown_gtin": Refusal(422, "No item has this barcode"),
    "unknown_time_zone": Refusal(422, "There is no such time zone"),
    "invalid_opening_hours": Refusal(422, "The opening hours cannot be right"),
    "invalid_value": Refusal(422, "A value cannot be right"),
    "bad_check_digit": Refusal(422, "The check digit is wrong"),
    "not_a_gtin": Refusal(422, "This is no GTIN"),
    "gtin_taken": Refusal(409, "The barcode belongs to another item"),
    "cell_is_fixed": Refusal(409, "A location's cell is set once"),
    "cross_cell": Refusal(
        422, "The request spans locations of two cells", "Send one request for each cell."
    ),
    "location_closed": Refusal(409, "The location takes no reservations"),
    "insufficient_stock": Refusal(
        409, "There is not enough stock", "Choose fewer, or one of the alternatives."
    ),
    "uncertain_stock": Refusal(409, "The book here is too uncertain to promise from"),
    "too_many_open_holds": Refusal(
        429, "Too many open reservations", "Release some, or wait for them to end.", retryable=True
    ),
    "reservation_expired": Refusal(409, "The reservation has ended"),
    "already_extended": Refusal(409, "A reservation is extended once"),
    "wrong_state": Refusal(409, "The state does not allow this"),
    "expected_quantity_mismatch": Refusal(409, "The book is not what was expected"),
    "not_enough_there": Refusal(409, "The account holds less than that"),
    "not_on_transfer": Refusal(422, "The transfer has no such item"),
    "more_than_requested": Refusal(409, "The transfer has less than that to send"),
    "no_waiting_claim": Refusal(409, "The order waits for fewer of these here"),
    "over_receipt": Refusal(
        409,
        "More arrived than was sent",
        "Count again; if it is right, a manager (stock:write) gives a reason.",
    ),
    "negative_not_allowed": Refusal(422, "Only an adjustment may be negative"),
    "zero_quantity": Refusal(422, "A quantity of nothing changes nothing"),
    "not_stock_tracked": Refusal(422, "The item's stock is not tracked"),
    "in_the_future": Refusal(
        422, "This lies more than 10 minutes ahead", "Set the clock, or send it later."
    ),
    "card_number": Refusal(
        422, "This looks like the number of a payment card", "Send no card numbers, anywhere."
    ),
    "unknown_task": Refusal(422, "There is no such open task at this place"),
    "unknown_zone": Refusal(422, "The count has no such zone", "Name one of its zones."),
    "zone_closed": Refusal(409, "The zone is closed", "Open it again, then scan."),
    "zones_open": Refusal(409, "Some zones are still open", "Close each zone, then submit."),
    "not_in_this_count": Refusal(422, "This item is not counted in this session"),
    "counted_twice": Refusal(422, "The item has another line in this request"),
    "below_zero": Refusal(422, "More would be taken back than was scanned"),
    "recount_incomplete": Refusal(
        409, "Some items were not counted again", "Count them; 0 where there is none."
    ),
    "nothing_to_recount": Refusal(409, "No item is over tolerance", "Approve the count."),
    "second_person_needed": Refusal(
        409,
        "Differences over tolerance need a second person",
        "Have somebody approve who counted none of it, or have it counted again.",
    ),
    "tills_not_heard_out": Refusal(
        409,
        "A till may still send what it sold before the last scan",
        "Wait for it to speak, or approve with provisional: true.",
    ),
    "not_a_full_count": Refusal(
        409,
        "Only a full count, the ready shelf or a list of items has a rest to be taken for gone",
    ),
    "unknown_terminal": Refusal(422, "There is no such terminal", "Register it, then send again."),
    # the service
    "internal_error": Refusal(500, "A fault of the service"),
    "overloaded": Refusal(503, "Too much is waiting", "Try again.", retryable=True),
    "database_unavailable": Refusal(503, "The database is away", "Try again.", retryable=True),
    "outcome_unknown": Refusal(
        503,
        "It is not known whether this was done",
        "Ask again with the same Idempotency-Key.",
        retryable=True,
    ),
    "closing": Refusal(503, "The service is closing", "Try again.", retryable=True),
}
