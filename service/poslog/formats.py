"""Reading ARTS POSLog XML as it comes: bounded in size, depth and memory, and without entities.

Elements are known by their local names in the namespace of the root, so that 2.x and 6 read alike
and vendors' additions, which are in namespaces of their own, are passed over. A line is taken out
of its element when that ends, so that what is kept grows with the lines, not with the file.
"""

from collections.abc import Iterator
from typing import Final

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from service.pos.types import LINES_MAX
from service.poslog.types import (
    DEPTH_MAX,
    ELEMENTS_MAX,
    TRANSACTIONS_MAX,
    Ignored,
    Line,
    Link,
    Transaction,
    Unreadable,
)

CHUNK_BYTES: Final = 16 * 1024
TOKEN_BYTES: Final = 128 * 1024
"""A tag or comment longer than that is refused: Expat reads it anew with each chunk."""

_TEXT_MAX: Final = 4_096
_VOID_KINDS: Final = ("PostTransactionVoid", "PostVoidTransaction", "PostVoid", "VoidTransaction")
_VOID_REASONS: Final = frozenset(
    {"void", "voided", "postvoid", "postvoided", "posttransactionvoid", "voidtransaction"}
)
_STATUSES: Final[dict[str, Ignored]] = {
    "suspended": "suspended",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "voided": "cancelled",
    "postvoided": "cancelled",
}
_FLAGS: Final[tuple[tuple[str, Ignored], ...]] = (
    ("TrainingModeFlag", "training"),
    ("CancelFlag", "cancelled"),
    ("VoidedFlag", "cancelled"),
    ("SuspendFlag", "suspended"),
    ("SuspendedFlag", "suspended"),
)
_GTINS: Final = ("gtin", "ean", "upc")
_RESALE: Final = ("returntostock", "resale", "returntoshelf")


def read_poslog(body: bytes) -> Iterator[list[Transaction]]:
    """The transactions of a POSLog, chunk by chunk, so that others can be served in between.

    Raises:
        Unreadable: it is no XML, no POSLog, too much of it, or wants a document type.
    """
    target = _Reader()
    try:
        parser = DefusedXMLParser(target=target, forbid_dtd=True)
        for start in range(0, len(body), CHUNK_BYTES):
            parser.feed(body[start : start + CHUNK_BYTES])
            read = min(start + CHUNK_BYTES, len(body))
            if read - parser.parser.CurrentByteIndex > TOKEN_BYTES:
                raise Unreadable("invalid_xml", _at(parser, "a tag or comment is too long"))
            yield target.take()
        parser.close()
    except ParseError as error:
        raise Unreadable("invalid_xml", _told(error)) from error
    except DefusedXmlException as error:
        detail = "no document type and no entities are taken"
        raise Unreadable("invalid_xml", _at(parser, detail)) from error
    except (LookupError, ValueError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("invalid_xml", "Its encoding is not one that is read here.") from error
    yield target.take()


def _told(error: ParseError) -> str:
    line, column = error.position
    reason = str(error).partition(": line ")[0][:100]
    return f"Line {line}, column {column + 1}: {reason}."


def _at(parser: DefusedXMLParser, reason: str) -> str:
    where = parser.parser
    return f"Line {where.CurrentLineNumber}, column {where.CurrentColumnNumber + 1}: {reason}."


class _Node:
    """An element of the standard's own namespace while it is read."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.text = ""
        self.children: list[_Node] = []

    def find(self, *path: str) -> "_Node | None":
        """The first element under this path."""
        for child in self.children:
            if child.name == path[0]:
                return child.find(*path[1:]) if len(path) > 1 else child
        return None

    def said(self, *path: str) -> str | None:
        """The text of the first element under this path, None where there is none."""
        found = self.find(*path)
        return (found.text.strip() or None) if found else None

    def flag(self, name: str) -> bool:
        return self.attributes.get(name, "").strip().lower() in ("true", "1", "yes")

    def word(self, *names: str) -> str:
        """The first of some attributes, in lower case and letters only, to compare by."""
        found = next((self.attributes[n] for n in names if n in self.attributes), "")
        return "".join(c for c in found.lower() if c.isalnum())


class _Reader:
    """What the parser tells, made into transactions."""

    def __init__(self) -> None:
        self._open: list[_Node | None] = []  # None: an element of somebody else's, or below one
        self._namespace: str | None = None
        self._elements = 0
        self._lines: list[Line] = []
        self._tenders: list[str] = []
        self._voids: list[_Node] = []
        self._found: list[Transaction] = []
        self._taken = 0
        self._lines_taken = 0

    def take(self) -> list[Transaction]:
        """What was found since the last time."""
        found, self._found = self._found, []
        return found

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._elements += 1
        if len(self._open) >= DEPTH_MAX:
            raise Unreadable("too_deep", f"At most {DEPTH_MAX} levels.")
        if self._elements > ELEMENTS_MAX:
            raise Unreadable("batch_too_large", f"At most {ELEMENTS_MAX} elements.")
        namespace, _, name = tag.rpartition("}")
        if self._namespace is None:
            if name != "POSLog":
                raise Unreadable("invalid_xml", "The root is no POSLog.")
            self._namespace = namespace
        above = self._open[-1] if self._open else None
        ours = namespace == self._namespace and (above is not None or not self._open)
        if ours and name == "Transaction" and len(self._open) == 1:
            self._taken += 1
            if self._taken > TRANSACTIONS_MAX:
                raise Unreadable("batch_too_large", f"At most {TRANSACTIONS_MAX} transactions.")
        self._open.append(_Node(name, attributes) if ours else None)

    def data(self, text: str) -> None:
        """Text in an element; what is longer than any field is cut."""
        node = self._open[-1]
        if node is not None and len(node.text) < _TEXT_MAX:
            node.text += text[:_TEXT_MAX]

    def end(self, _: str) -> None:
        """An element ends."""
        node = self._open.pop()
        if node is None or not self._open:
            return
        above = self._open[-1]
        if len(self._open) == 1:
            if node.name == "Transaction":
                if not self._lines:
                    node.children += self._voids
                self._found.append(_transaction(node, self._tenders, self._lines))
                self._tenders, self._lines, self._voids = [], [], []
        elif node.name == "LineItem" and above is not None and above.name in _RETAIL:
            self._line(node)
            above.children.append(_Node("LineItem", {}))
        elif above is not None:
            above.children.append(node)

    def _line(self, node: _Node) -> None:
        tender = node.find("Tender")
        if tender is not None and not node.flag("VoidFlag"):
            self._tenders.append(tender.attributes.get("TenderType", "").strip())
        void = node.find("Void")
        if void is not None and void.find("TransactionLink"):
            # of a whole transaction, unless this one sells something itself
            self._voids.append(_Node("PostVoid", {}))
            self._voids[-1].children = void.children
            return
        line = _line(node)
        if line is not None:
            self._lines_taken += 1
            if self._lines_taken > LINES_MAX:
                raise Unreadable("batch_too_large", f"At most {LINES_MAX} lines.")
            self._lines.append(line)

    def close(self) -> None:
        """The document ends."""


_RETAIL: Final = ("RetailTransaction", "Transaction")


def _transaction(node: _Node, tenders: list[str], lines: list[Line]) -> Transaction:
    """A transaction whose lines were taken out before."""
    retail = node.find("RetailTransaction") or (node if node.find("LineItem") else None)
    void = next((found for kind in _VOID_KINDS if (found := node.find(kind))), None)
    inside = retail or void or node
    if void is None and retail is not None:
        void = next((found for kind in _VOID_KINDS if (found := retail.find(kind))), None)
    links = [
        _link(child)
        for place in dict.fromkeys((node, inside, void or inside))
        for child in place.children
        if child.name == "TransactionLink"
    ]
    target = next((link for link in links if void or link.reason in _VOID_REASONS), None)
    voids = void is not None or target is not None
    return Transaction(
        store=node.said("RetailStoreID") or _store(node),
        workstation=node.said("WorkstationID"),
        sequence=node.said("SequenceNumber"),
        ended_at=_ended_at(node, inside),
        currency=node.said("CurrencyCode") or inside.said("CurrencyCode"),
        ignored=_ignored(node, inside, sells=retail is not None, voids=voids),
        void=voids,
        target=target,
        customer=inside.said("Customer", "CustomerID")
        or inside.said("LoyaltyAccount", "CustomerID"),
        tenders=tuple(dict.fromkeys(tender for tender in tenders if tender)),
        lines=tuple(lines),
    )


def _store(node: _Node) -> str | None:
    """The shop as version 6 says it: one of the units that a transaction belongs to."""
    for unit in node.children:
        found = unit.find("UnitID") if unit.name == "BusinessUnit" else None
        if found is not None and found.word("TypeCode") in ("retailstore", ""):
            return found.text.strip() or None
    return None


def _ended_at(node: _Node, inside: _Node) -> str | None:
    """When the goods left: the end, else the time of the log, else what there is."""
    logged = [child for child in node.children if child.name == "POSLogDateTime"]
    logged.sort(key=lambda child: child.word("TypeCode") != "transaction")
    return (
        node.said("EndDateTime")
        or next((child.text.strip() for child in logged if child.text.strip()), None)
        or inside.said("ReceiptDateTime")
        or node.said("BeginDateTime")
    )


def _ignored(node: _Node, inside: _Node, *, sells: bool, voids: bool) -> Ignored | None:
    """Why a transaction sells nothing; None if it does, or takes back what was sold."""
    for place in (node, inside):
        for flag, why in _FLAGS:
            if place.flag(flag):
                return why
        status = place.word("TransactionStatus")
        if status in _STATUSES and not (voids and status in _VOID_REASONS):
            return _STATUSES[status]
    return None if sells or voids else "control"


def _link(node: _Node) -> Link:
    return Link(
        reason=node.word("ReasonCode", "TypeCode"),
        store=node.said("RetailStoreID") or _store(node),
        workstation=node.said("WorkstationID"),
        sequence=node.said("SequenceNumber"),
        line=node.said("LineItemSequenceNumber") or node.said("LineItemNumber"),
    )


def _line(node: _Node) -> Line | None:
    """A line of goods; None for tenders, taxes, rewards and whatever else a till writes down."""
    number = node.said("SequenceNumber")
    flagged = node.flag("VoidFlag") or node.flag("CancelFlag")
    void = node.find("Void")
    if void is not None:
        return Line("void", number, flagged, voids=void.said("ItemLink"))
    sale, returned = node.find("Sale"), node.find("Return")
    goods = sale or returned
    if goods is None:
        return None
    quantity = goods.find("Quantity")
    link = goods.find("TransactionLink") or node.find("TransactionLink")
    disposal = goods.find("Disposal")
    return Line(
        kind="return" if sale is None else "sale",
        number=number,
        flagged=flagged,
        code=_code(goods),
        item=goods.said("ItemID"),
        text=goods.said("Description"),
        quantity=quantity.text.strip() if quantity else None,
        unit=quantity.word("UnitOfMeasureCode") if quantity else "",
        price=goods.said("ActualSalesUnitPrice")
        or goods.said("RegularSalesUnitPrice")
        or goods.said("UnitListPrice"),
        amount=goods.said("ExtendedAmount"),
        discount=goods.said("ExtendedDiscountAmount"),
        link=_link(link) if link else None,
        resaleable=disposal is not None and disposal.word("Method") in _RESALE,
    )


def _code(goods: _Node) -> str | None:
    """What was scanned, or else an item's number that calls itself a barcode."""
    identity = goods.said("POSIdentity", "POSItemID")
    if identity is not None:
        return identity
    for child in goods.children:
        if child.name == "ItemID" and child.word("Type", "TypeCode").startswith(_GTINS):
            return child.text.strip() or None
    return None
