"""ORMs: the pieces that ask a database, as an object-relational mapper asks."""

from __future__ import annotations

from collections.abc import Mapping

from performance.planted.pieces import Piece

ORMS: Mapping[str, Mapping[str, Piece]] = {
    "django": {
        "n-plus-one": Piece(
            "n-plus-one", "/orders", "orders",
            """
{D} orders(limit):
    found = []
    for order in Order.objects.order_by("id")[:limit]:
        found.append({{"id": order.id, "customer": order.customer.name, "total": order.total}})  # <-
    return reply(found)
""",
            (("limit", 60),),
            twin="""
{D} orders(limit):
    found = []
    for order in Order.objects.select_related("customer").order_by("id")[:limit]:
        found.append({{"id": order.id, "customer": order.customer.name, "total": order.total}})
    return reply(found)
""",
        ),
        "missing-index": Piece(
            "missing-index", "/customers/{customer}/events", "events",
            """
{D} events(customer):
    found = Event.objects.filter(customer_id=customer).order_by("-amount")[:20]
    return reply([[one.id, one.amount] for one in found])  # <-
""",
            (("customer", 77),),
            twin="""
{D} events(customer):
    found = Entry.objects.filter(customer_id=customer).order_by("-amount")[:20]
    return reply([[one.id, one.amount] for one in found])
""",
        ),
    },
    "sqlalchemy": {
        "n-plus-one": Piece(
            "n-plus-one", "/orders", "orders",
            """
{D} orders(limit):
    with Session() as session:
        found = session.scalars(select(Order).order_by(Order.id).limit(limit))
        return reply([{{"id": one.id, "customer": one.customer.name, "total": one.total}} for one in found])  # <-
""",
            (("limit", 60),),
            twin="""
{D} orders(limit):
    with Session() as session:
        found = session.scalars(select(Order).options(joinedload(Order.customer)).order_by(Order.id).limit(limit))
        return reply([{{"id": one.id, "customer": one.customer.name, "total": one.total}} for one in found])
""",
        ),
    },
}  # fmt: skip
