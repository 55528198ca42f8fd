"""Mutate: every kind of damage as a row of a table, and one damaged file of a kind from a healthy one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from random import Random

import damage_bytes as letters
import damage_lines as lines
import damage_names as names
import damage_paste as paste
import damage_python2 as python2
import damage_tokens as tokens
from oracles import AWAIT, COMPILE, IMPORT, MEMBER, MOJIBAKE, UNDEFINED, broken
from source import Damage, Edit, Source, apply

Places = Callable[[Source, Random], Iterable[Damage]]
Spoil = Callable[[Source, Random], bytes | None]
_TRIES = 12
"""Places of a file at which a kind of damage is tried."""
_MOST = 400
"""Places of a file that are looked at."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of damage: how it is done, to letters of the text or to the bytes of the file, and which oracle must see it."""

    name: str
    group: str
    places: Places | None = None
    spoil: Spoil | None = None
    oracle: str = COMPILE

    @property
    def says(self) -> str:
        """What happened to the file, in a sentence."""
        return ((self.places or self.spoil).__doc__ or "").strip()


def _kinds(group: str, *functions: Places, oracle: str = COMPILE) -> Iterable[Kind]:
    return (Kind(one.__name__.replace("_", " "), group, places=one, oracle=oracle) for one in functions)


def _spoils(group: str, *functions: Spoil, oracle: str = COMPILE) -> Iterable[Kind]:
    return (Kind(one.__name__.replace("_", " "), group, spoil=one, oracle=oracle) for one in functions)


_TABLE = (
    *_kinds("indentation", lines.over_indented, lines.under_indented, lines.pasted_deep, lines.pasted_flat),
    *_kinds("indentation", lines.pasted_shallow, lines.at_the_margin, lines.flat_body),
    *_kinds("indentation", lines.mixed_tabs),
    *_kinds("lines", lines.lost_pass, lines.lost_try, lines.doubled_header, lines.glued_lines, lines.blank_after_backslash),
    *_kinds("lines", lines.wrapped_comment, lines.wrapped_string, lines.wrapped_code),
    *_kinds("tokens", tokens.lost_colon, tokens.lost_comma, tokens.lost_closing_bracket, tokens.lost_opening_bracket),
    *_kinds("tokens", tokens.doubled_bracket, tokens.wrong_bracket, tokens.lost_quote, tokens.mixed_quotes),
    *_kinds("tokens", tokens.lost_triple_quote, tokens.quotes_in_braces, tokens.single_equals, tokens.misspelt_keyword),
    *_kinds("other languages", tokens.else_if, tokens.c_operators, tokens.increment, tokens.wrong_arrow),
    *_kinds("other languages", tokens.c_literals, oracle=UNDEFINED),
    *_kinds("Python 2", python2.print_statement, python2.except_comma, python2.raise_comma, python2.old_numbers),
    *_kinds("Python 2", python2.unequal, python2.backticks),
    *_kinds("Python 2", python2.old_names, oracle=UNDEFINED),
    *_kinds("merge and paste", paste.same_conflict, paste.conflict_marker, paste.line_numbers, paste.diff_pasted, paste.prompts),
    *_kinds("merge and paste", paste.mail_quoted, paste.fenced, paste.fenced_in_prose, paste.prose, paste.markdown_escapes),
    *_kinds("merge and paste", paste.markdown_bold, paste.html_entities),
    *_kinds("letters", letters.smart_quotes, letters.hard_blanks, letters.unseen_letter, letters.wide_sign, letters.long_dash),
    *_kinds("letters", letters.control_letter),
    *_spoils("bytes", letters.latin, letters.wide, letters.two_marks, letters.zero_tail, letters.wrong_cookie),
    *_spoils("bytes", letters.mojibake, oracle=MOJIBAKE),
    *_kinds("names", names.lost_import, names.lost_imported_name, names.misspelt_name, oracle=UNDEFINED),
    *_kinds("names", names.misspelt_builtin, names.lost_self, names.lost_self_parameter, oracle=UNDEFINED),
    *_kinds("names", names.wrong_module, names.wrong_dots, oracle=IMPORT),
    *_kinds("names", names.misspelt_member, oracle=MEMBER),
    *_kinds("awaits", names.lost_async),
    *_kinds("awaits", names.needless_await, names.lost_await, oracle=AWAIT),
)


def truncated(source: Source, rng: Random) -> Iterable[Damage]:
    """The end of the file is lost."""
    for _try in range(_TRIES):
        cut = rng.randrange(len(source.text) * 3 // 10, len(source.text) * 19 // 20)
        if source.text[cut:].strip().count("\n"):
            yield (Edit(cut, len(source.text)),)


KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _TABLE}
HOPELESS: Mapping[str, Kind] = {kind.name: kind for kind in _kinds("hopeless", truncated, paste.true_conflict, lines.lost_header)}
"""What nobody can know the healthy file of: to leave it alone, and say so, is right."""


def damage(kind: Kind, source: Source, rng: Random) -> bytes | None:
    """Return the file with one fault of a kind that its oracle sees, or None where the file has no place for it."""
    tries = _spoilt(kind.spoil, source, rng) if kind.spoil else _edited(kind, source, rng)
    return next((data for data in tries if broken(source, data) == kind.oracle), None)


def _spoilt(spoil: Spoil, source: Source, rng: Random) -> Iterable[bytes]:
    tries = (spoil(source, rng) for _try in range(_TRIES // 3))
    return (data for data in tries if data is not None)


def _edited(kind: Kind, source: Source, rng: Random) -> Iterable[bytes]:
    return (apply(source.text, edits).encode() for edits in _chosen(kind, source, rng))


def _chosen(kind: Kind, source: Source, rng: Random) -> list[Damage]:
    if kind.places is None:
        return []
    places = [edits for edits in islice(kind.places(source, rng), _MOST) if edits]
    return rng.sample(places, min(_TRIES, len(places)))


def damage_twice(first: Kind, second: Kind, source: Source, rng: Random) -> bytes | None:
    """Return the file with a fault of each kind, at least three lines apart, each of which its oracle sees; or None."""
    for one in _chosen(first, source, rng)[:4]:
        for other in _chosen(second, source, rng)[:4]:
            if not _apart(source, one, other):
                continue
            each = [broken(source, apply(source.text, edits).encode()) for edits in (one, other)]
            if each == [first.oracle, second.oracle]:
                return apply(source.text, (*one, *other)).encode()
    return None


def _apart(source: Source, one: Damage, other: Damage) -> bool:
    before, after = sorted((edits[0].start, edits[-1].end) for edits in (one, other))
    return source.text.count("\n", before[1], max(before[1], after[0])) >= 3
