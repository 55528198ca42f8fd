"""Route: which of the declared specialists a request belongs to, by its words alone, with the evidence."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from bmad_provisioner.kinds.team.domains import ARTICLES, FIELDS, ROLES, STOP

OWN, PART, FIELD, HINT = 3.0, 1.0, 2.0, 0.5
"""What a term weighs: an own phrase or a word of the name, a word of an own phrase, a word of the field, a hint of it."""
ENOUGH = 1.0
"""The least score of a choice."""
SHARE = 0.4
"""The least part of the best score that a further choice needs, in words that the better ones do not account for; a word
of its field always suffices."""

Term: TypeAlias = tuple[str, ...]
"""The stems of a phrase, without articles."""


@dataclass(frozen=True, slots=True)
class Specialist:
    """Somebody who can be chosen: the name, and the words the document describes the work by (`React, CSS`)."""

    name: str
    domain: str
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A specialist that a request belongs to, how strongly, and the words of the request that say so."""

    name: str
    score: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Hit:
    """A term found in a request: where, by the numbers of its words, and what it weighs."""

    at: range
    term: Term
    weight: float


def route(request: str, specialists: Sequence[Specialist]) -> tuple[Choice, ...]:
    """Return the specialists that a request belongs to: one, several or none; the best first, equals as declared.

    Every specialist has weighted terms: its own words, and those of the fields they belong to. A term counts the less
    the more specialists have it, and nothing when all have it. Words that the request excludes count nothing.
    """
    words = [word for word in _words(request) if word not in ARTICLES]
    vocabularies = _rarer([_vocabulary(specialist) for specialist in specialists])
    places = _places([_stem(word) for word in words], _known().union(*vocabularies))
    hits = [_hits(places, vocabulary) for vocabulary in vocabularies]
    best = max(map(_score, hits), default=0.0)
    enough = max(ENOUGH, min(SHARE * best, FIELD))
    chosen: list[int] = []
    explained: dict[range, float] = {}
    for number in sorted(range(len(hits)), key=lambda number: -_score(hits[number])):
        if _score(hit for hit in hits[number] if hit.weight > explained.get(hit.at, 0.0)) >= enough:
            chosen.append(number)
            explained |= {hit.at: max(hit.weight, explained.get(hit.at, 0.0)) for hit in hits[number]}
    return tuple(_choice(specialists[number].name, hits[number], words) for number in chosen)


def _choice(name: str, hits: Sequence[_Hit], words: Sequence[str]) -> Choice:
    evidence = dict.fromkeys(" ".join(words[hit.at.start : hit.at.stop]) for hit in hits)
    return Choice(name, round(_score(hits), 3), tuple(evidence))


def _score(hits: Iterable[_Hit]) -> float:
    """Return what the terms weigh together; a term that stands there twice says it once."""
    return sum({hit.term: hit.weight for hit in hits}.values())


# --- what a specialist is asked for by --------------------------------------------------------------------------------


def _vocabulary(specialist: Specialist) -> dict[Term, float]:
    """Return the terms of a specialist, each with what it weighs before the others are looked at."""
    phrases = [*re.split(r"[,;/]\s", specialist.domain), *specialist.skills]
    name = [_term(word) for word in _plain(specialist.name) if word not in ROLES | STOP]
    weights: dict[Term, float] = {}
    own = [term for phrase in phrases if (term := _term(phrase))] + name
    for field, share in _fields(own).items():
        for terms, weight in zip(_spoken(field), (FIELD, HINT), strict=True):
            for term in terms:
                weights[term] = max(weights.get(term, 0.0), weight * share)
    for part in {_term(word) for phrase in phrases for word in _plain(phrase) if word not in STOP}:
        weights[part] = max(weights.get(part, 0.0), PART)
    return weights | dict.fromkeys(own, OWN)


def _fields(own: Sequence[Term]) -> dict[str, float]:
    """Return the fields that own words belong to, each with how much of them do, as a part of the most."""
    known = _known()
    counts: Counter[str] = Counter()
    for term in own:
        inside = {term[at.start : at.stop] for at in _places(term, known)}
        counts.update(name for name in FIELDS if not inside.isdisjoint(_spoken(name)[0]))
    most = max(counts.values(), default=0)
    return {name: count / most for name, count in counts.items() if 2 * count >= most}


def _rarer(vocabularies: Sequence[Mapping[Term, float]]) -> list[dict[Term, float]]:
    """Return vocabularies in which a term weighs less the more of them have it, and is gone when all have it."""
    holders = Counter(term for vocabulary in vocabularies for term in vocabulary)
    size = len(vocabularies)
    rarity = {term: math.log(size / count) / math.log(size) if size > 1 else 1.0 for term, count in holders.items()}
    return [{term: weight * rarity[term] for term, weight in v.items() if rarity[term]} for v in vocabularies]


@cache
def _spoken(field: str) -> tuple[frozenset[Term], frozenset[Term]]:
    """Return the words and the hints of a field as terms."""
    words, hints = (frozenset(map(_term, phrases)) - {()} for phrases in (FIELDS[field].words, FIELDS[field].hints))
    return words, hints - words


@cache
def _known() -> frozenset[Term]:
    return frozenset(term for field in FIELDS for terms in _spoken(field) for term in terms)


# --- what a request says ----------------------------------------------------------------------------------------------


def _hits(places: Mapping[range, Term], vocabulary: Mapping[Term, float]) -> list[_Hit]:
    return [_Hit(at, term, vocabulary[term]) for at, term in places.items() if term in vocabulary]


def _places(stems: Sequence[str], known: frozenset[Term]) -> dict[range, Term]:
    """Return where known terms stand; one inside a longer one is not meant (`test` in `test d'intrusion`)."""
    longest = max(map(len, known), default=0)
    found: dict[range, Term] = {}
    reached = 0
    for start in range(len(stems)):
        for stop in range(min(start + longest, len(stems)), max(start, reached), -1):
            if (term := tuple(stems[start:stop])) in known:
                found[range(start, stop)] = term
                reached = stop
                break
    return found


_CLAUSE = re.compile(r"[.,;:!?](?=\s|$)|[()\n]|\s(?:[-\u2013\u2014]|but|mais|however|cependant)\s", re.IGNORECASE)
_TOUCH = r"(?:touch|chang|modif|alter|edit|need|requir|want|besoin|recri)\w*"
_EXCLUDED = re.compile(
    rf"""\b(?:without|sans|except|sauf|excluding|hormis|instead|rather\ than|au\ lieu|plutot)\b.*
    | (?<!\bis)(?<!\bare)(?<!\bhas)(?<!\bhave)(?<!\bsee)(?<!\by\ a)\ (?:no|aucune?|nor|ni)\b.*
    | ^\ (?:pas\ de?|not|pas)\b.*
    | \b(?:not|pas|don|never|jamais|ne|rien)\ (?:\w+\ ){{0,2}}?{_TOUCH}.*
    | \b(?:leave|keep|laisse\w*|garde\w*)\ (?:\w+\ ){{1,8}}?
      (?:alone|untouched|unchanged|as\ (?:is|it|they)|intact\w*|tels?|telles?)\b""",
    re.VERBOSE,
)
"""What a clause takes away. `There are no tests` takes nothing away: it describes, as do `is not` and `ne marche pas`."""


def _words(request: str) -> Iterator[str]:
    """Yield the words of a request that it does not exclude, without accents, in lower case."""
    for clause in _CLAUSE.split(request):
        yield from _EXCLUDED.sub(" ", " " + " ".join(_plain(clause))).split()


def _plain(text: str) -> list[str]:
    """Return the words of a text in lower case and without accents."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe"))
    return re.findall(r"[a-z0-9]+", "".join(letter for letter in letters if not unicodedata.combining(letter)))


def _term(phrase: str) -> Term:
    """Return the stems of a phrase; none if nothing in it says anything."""
    words = _plain(phrase)
    return () if STOP.issuperset(words) else tuple(_stem(word) for word in words if word not in ARTICLES)


_ENDINGS = (
    "ications ication isations isation izations ization ations ation ements ement ments ment euses euse eurs eur ingly ings ing "
    "ities ity ites ite ives ive ants ant ates ate ees ee ers er ez ed es e"
)


@cache
def _stem(word: str) -> str:
    """Return what the forms of a word have in common, lightly, in English and French alike; too short ones stay."""
    if len(word) <= 3 or not word.isalpha():
        return word
    word = re.sub(r"aux$", "al", word)
    word = re.sub(r"(?<!s)[sx]$", "", re.sub(r"ies$", "y", word))
    endings = (ending for ending in _ENDINGS.split() if word.endswith(ending) and len(word) - len(ending) >= 4)
    short = word.removesuffix(next(endings, ""))
    if short in STOP:  # a `theme` is not `them`
        return word
    return short[:-1] + "i" if short.endswith("y") else re.sub(r"([b-df-hj-np-rtv-z])\1$", r"\1", short)
