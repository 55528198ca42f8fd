"""Recommend: which of the best sellers go together with most of the others."""

from collections import Counter
from collections.abc import Mapping, Sequence


def ranked(products: Sequence[Mapping]) -> list[dict]:
    """Return products with how many tags they share with the others, the most first."""
    tags = [set(product["tags"].split(",")) for product in products]
    count = Counter(tag for each in tags for tag in each)
    found = [
        {"id": product["id"], "name": product["name"], "score": sum(count[tag] - 1 for tag in each)}
        for product, each in zip(products, tags, strict=True)
    ]
    return sorted(found, key=lambda one: (-one["score"], one["id"]))
