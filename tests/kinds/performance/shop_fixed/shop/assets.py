"""Assets: what browsers load beside the pages."""

import json
from pathlib import Path

_COUNTRIES = ("AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "HU", "IE", "IT", "LU", "NL", "NO", "PL", "PT", "SE", "SI")
_STARTS = ("Alt", "Berg", "Casa", "Dor", "Elm", "Falk", "Gran", "Hol", "Ist", "Jun", "Kal", "Lin", "Mon", "Nor", "Ost", "Pont")
_ENDS = ("au", "by", "castel", "dorf", "eck", "feld", "gen", "heim", "ia", "lund", "more", "nitz", "ville")


def towns(place: int) -> str:
    """Return the towns of a country by their postcodes, for the form at the end of an order."""
    known = {str(1000 + (n * 37 + place * 11) % 9000): f"{_STARTS[(n + place) % 16]}{_ENDS[n * 5 % 13]}" for n in range(1000)}
    return json.dumps(known)


def assets() -> dict[str, bytes]:
    """Return what is served below `/static/`, by name."""
    found = {path.name: path.read_bytes() for path in (Path(__file__).parent / "static").iterdir()}
    return {**found, **{f"towns-{country}.json": towns(place).encode() for place, country in enumerate(_COUNTRIES)}}
