"""Recognise: read from requirements what application they ask for, each claim with the words that make it.

It takes what a sentence plainly says and leaves the rest: `A task has a title and a due date`, `Users can edit and delete
tasks`, `A task belongs to a project`, `People sign in`, and the same in French. Nothing is guessed from likeness. What nobody
says gets a default, which is then the only kind of claim without evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bmad_provisioner.kinds.team.application import (
    OPERATIONS,
    Application,
    Entity,
    Evidence,
    Field,
    Hosting,
    Operation,
    Theme,
    seen,
)
from bmad_provisioner.kinds.team.fields import article, fields_of, noun, slug_of, unique
from bmad_provisioner.kinds.team.sentence import Said, sentences
from bmad_provisioner.kinds.team.vocabulary import (
    COLOURS,
    MODES,
    NO_ENTRY_WITHOUT,
    SIGN_IN,
    TONGUES,
    Tongue,
    plural,
    singular,
)

ELSEWHERE = frozenset({"ui", "operations", "database", "notes"})
"""Groups that say nothing of what is kept: `ui` is asked for the look, `operations` and `database` for where it runs."""
_CHARACTERS = r"(\d+)\s*(?:characters|letters|caractères)"
_HOURS = r"(\d+)\s*(?:h\b|hours?|heures?)"
_ENGINES = r"sqlite|postgres(?:ql)?|mysql|mariadb|mongodb|oracle"
_ENTITY_SLUGS = frozenset({"session", "sessions", "accounts", "application", "health", "metrics"})


@dataclass(slots=True)
class _Draft:
    """An entity while sentences are still being read."""

    name: str
    language: str
    fields: list[Field] = field(default_factory=list)
    allowed: set[Operation] = field(default_factory=set)
    denied: set[Operation] = field(default_factory=set)

    @property
    def slug(self) -> str:
        return slug_of(plural(self.name, self.language), _ENTITY_SLUGS, "records")


def recognise(items: Sequence[tuple[str, str]]) -> Application:
    """Return what the requirements (path, text) ask for."""
    said = [sentence for path, text in items for sentence in sentences(path, text)]
    about = [sentence for sentence in said if sentence.group not in ELSEWHERE]
    entities, evidence, language = _entities(about)
    title, why_title = _title(said, entities)
    sign_in, why_sign_in = _sign_in(about)
    theme, why_theme = _theme([sentence for sentence in said if sentence.group == "ui"])
    length, why_length = _number("password_length", about, r"mots? de passe|password", _CHARACTERS, (8, 128))
    hours, why_hours = _number("session_hours", about, r"session|signed in|connecté", _HOURS, (1, 720))
    hosting, why_hosting = _hosting(said)
    return Application(
        title=title,
        language="fr" if language == "fr" else "en",
        entities=entities,
        sign_in=sign_in,
        password_length=length or Application().password_length,
        session_hours=hours or Application().session_hours,
        theme=theme,
        hosting=hosting,
        evidence=(*why_title, *evidence, *why_sign_in, *why_length, *why_hours, *why_theme, *why_hosting),
    )


# --- entities ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Claim:
    """That there is an entity: the sentence after this form, and the tongue it is in."""

    form: str
    tongue: Tongue
    thing: str
    rest: str
    said: Said


def _entities(said: Sequence[Said]) -> tuple[tuple[Entity, ...], list[Evidence], str]:
    """Return the entities, why they are believed, and the language most of them are in."""
    claims = [claim for sentence in said if (claim := _claim(sentence)) is not None]
    drafts: dict[str, _Draft] = {}
    evidence: list[Evidence] = []
    for claim in claims:
        draft = drafts.setdefault(slug_of(claim.thing), _Draft(claim.thing, claim.tongue.code))
        evidence.append(claim.said.proves(draft.slug))
    for claim in claims:
        _detail(claim, drafts, evidence)
    for sentence in said:
        evidence += _operations(sentence, drafts)
    languages = [draft.language for draft in drafts.values()]
    french = languages.count("fr") * 2 > len(languages)
    return _built(drafts), list(dict.fromkeys(evidence)), "fr" if french else "en"


def _claim(said: Said) -> _Claim | None:
    for tongue in TONGUES:
        for form, pattern in _forms(tongue):
            match = re.match(pattern, said.text, re.IGNORECASE)
            if match is None:
                continue
            parts = match.groupdict()
            thing = noun(parts["thing"], tongue)
            if form == "none" or re.search(rf"(?:^|\W)(?:{tongue.negation})\s", parts.get("who") or "", re.IGNORECASE):
                return None
            if thing:
                return _Claim(form, tongue, thing, (parts.get("rest") or "").strip(" ,"), said)
    return _listed(said)


def _forms(tongue: Tongue) -> tuple[tuple[str, str], ...]:
    """Return the forms of a sentence that speaks of a thing, the surest first."""
    determiner = rf"(?:(?:{tongue.single}|{tongue.several})\s+|l')"
    thing = r"[\"“«'`]?\s?(?P<thing>[^\W\d_][\w'-]*(?:\s[\w'-]+){0,2}?)\s?[\"”»'`]?"
    start = rf"(?:.{{0,100}}?\b(?:{tongue.clause})\s+)?{determiner}{'?' if tongue.bare else ''}{thing}\s+"
    asked = rf"(?P<who>[\w' -]{{0,60}}?\s)??(?:{tongue.manage})\s+{determiner}?{thing}"
    of = r"(?:a|an|the|each|every|d'une?|des?|du|de chaque|chaque)"
    return (
        ("none", rf"{start}(?:{tongue.has_not})\b"),
        ("may", rf"{start}(?:{tongue.may_have})\s+(?P<rest>.+)$"),
        ("belongs", rf"{start}(?:(?:{tongue.able})\s+)?(?:{tongue.belongs}|belong to|appartenir à)\s+(?P<rest>.+)$"),
        ("has", rf"{start}(?:{tongue.has})\s*:?\s+(?P<rest>.+)$"),
        ("has", rf"(?:the fields of|les champs)\s+{of}\s*{thing}\s+(?:are|sont)\s*:?\s+(?P<rest>.+)$"),
        ("has", rf"{asked},?\s+(?:each\s+|chacune?\s+)?(?:{tongue.within})\s+(?P<rest>.+)$"),
        ("manages", rf"{asked}(?P<rest>(?:,|\s+(?:{tongue.joins})\s).+)?(?:\s+(?:{tongue.breaks})\b.*)?$"),
    )


def _listed(said: Said) -> _Claim | None:
    """Return the claim of `task: title, due date, status (open, done)`, which only a section of data may make."""
    if said.group not in {"data", "entities", "model", "données", "donnees"} or not re.search(r",|\(", said.text):
        return None
    for tongue in TONGUES:
        thing = noun(said.key, tongue)
        found = fields_of(said.text, tongue)
        if thing and found and len(found) == len(fields_of(said.text, tongue, lenient=True)):
            french = re.search(r"[éèêàç]|\b(?:nom|titre|prix|date de|un|une|le|la)\b", f"{said.key} {said.text}".lower())
            return _Claim("has", TONGUES[1] if french else TONGUES[0], thing, said.text, said)
    return None


def _detail(claim: _Claim, drafts: dict[str, _Draft], evidence: list[Evidence]) -> None:
    """Add to the drafts what one claim says of its thing."""
    draft = drafts[slug_of(claim.thing)]
    if claim.form == "belongs":
        optional = re.search(r"\b(?:may|can|peut|peuvent)\s", claim.said.text) is not None
        for target in _things(claim.rest, claim.tongue):
            _refer(draft, target, drafts, evidence, claim, required=not optional)
    if claim.form == "manages" and claim.rest:
        others = [drafts.setdefault(slug_of(name), _Draft(name, claim.tongue.code)) for name in _things(claim.rest, claim.tongue)]
        evidence += [claim.said.proves(other.slug) for other in others]
    if claim.form not in {"has", "may"}:
        return
    tongue = claim.tongue
    fields, belongs, target = _parted(claim.rest, rf"(?:,|\s(?:{tongue.joins}))\s+(?:{tongue.belongs})\s+")
    for thing in _things(target, tongue) if belongs else []:
        _refer(draft, thing, drafts, evidence, claim, required=claim.form == "has")
    for found in fields_of(fields, tongue):
        _add(draft, replace(found, required=found.required and claim.form != "may"), drafts, evidence, claim)


def _parted(text: str, pattern: str) -> tuple[str, str, str]:
    """Return `text` before the first match, the match, and what follows."""
    match = re.search(pattern, text, re.IGNORECASE)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")


def _add(draft: _Draft, found: Field, drafts: dict[str, _Draft], evidence: list[Evidence], claim: _Claim) -> None:
    single = singular(found.name.lower(), draft.language)
    other = drafts.get(slug_of(single))
    if other is not None and found.type in {"text", "reference"} and single != found.name.lower():
        _refer(other, draft.name, drafts, evidence, claim, required=False)
    elif other is not None and found.type == "text":
        _refer(draft, other.name, drafts, evidence, claim, required=found.required)
    elif found.type != "reference" and found.slug not in {known.slug for known in draft.fields}:
        draft.fields.append(found)


def _refer(
    draft: _Draft, target: str, drafts: dict[str, _Draft], evidence: list[Evidence], claim: _Claim, *, required: bool
) -> None:
    other = drafts.get(slug_of(target))
    if other is None:
        other = drafts[slug_of(target)] = _Draft(target, claim.tongue.code)
        evidence.append(claim.said.proves(other.slug))
    slug = slug_of(target)
    if slug not in {known.slug for known in draft.fields}:
        draft.fields.append(Field(target.capitalize(), slug, "reference", required, target=other.slug))


def _things(text: str, tongue: Tongue) -> list[str]:
    parts = re.split(rf"(?:^|,)\s*(?:(?:{tongue.joins})\s+)?|\s+(?:{tongue.joins})\s+", text.strip())
    return [thing for part in parts if (thing := noun(article(part, tongue), tongue))]


def _built(drafts: Mapping[str, _Draft]) -> tuple[Entity, ...]:
    entities = []
    for draft in drafts.values():
        names = {"fr": "Nom"}.get(draft.language, "Name")
        plain = [known for known in draft.fields if known.type != "reference"]
        links = [known for known in draft.fields if known.type == "reference"]
        fields = [*(plain or [Field(names, slug_of(names), "text", required=True)]), *links]
        allowed = (draft.allowed | {"read", "list"} if draft.allowed else set(OPERATIONS)) - draft.denied
        operations = tuple(name for name in OPERATIONS if name in allowed)
        name = draft.name.capitalize()
        entities.append(Entity(name, plural(draft.name, draft.language).capitalize(), draft.slug, unique(fields), operations))
    return _without_circles(entities)


def _without_circles(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    """Make optional each reference without which the first record could never be written."""
    needs: dict[str, set[str]] = {entity.slug: set() for entity in entities}
    found = []
    for entity in entities:
        fields = []
        for known in entity.fields:
            if known.type == "reference" and known.required:
                circle = known.target == entity.slug or entity.slug in _reached(known.target, needs)
                known = replace(known, required=not circle)  # noqa: PLW2901
                needs[entity.slug] |= set() if circle else {known.target}
            fields.append(known)
        found.append(replace(entity, fields=tuple(fields)))
    return tuple(found)


def _reached(start: str, needs: Mapping[str, Iterable[str]]) -> set[str]:
    seen, ahead = set(), [start]
    while ahead:
        slug = ahead.pop()
        if slug not in seen:
            seen.add(slug)
            ahead.extend(needs.get(slug, ()))
    return seen


# --- operations -------------------------------------------------------------------------------------------------------


def _operations(said: Said, drafts: dict[str, _Draft]) -> list[Evidence]:
    """Return why operations are believed, after noting them in the drafts."""
    evidence: list[Evidence] = []
    for tongue in TONGUES:
        verbs = "|".join(tongue.verbs.values())
        run = rf"(?:{verbs})(?:\s*(?:,\s*(?:(?:{tongue.joins})\s+)?|\s(?:{tongue.joins})\s)(?:{verbs}))*"
        for match in re.finditer(rf"\b(?P<verbs>{run})\b", said.text, re.IGNORECASE):
            before, after = said.text[: match.start()], said.text[match.end() :]
            things = _objects(after, tongue) or _subjects(before, tongue)
            names = _meant(match["verbs"], tongue)
            negated = re.search(rf"(?:^|\W)(?:{tongue.negation})(?:\W|$)", before, re.IGNORECASE) is not None
            for thing, sure in things:
                if slug_of(thing) not in drafts and sure and "create" in names and not negated:
                    drafts[slug_of(thing)] = _Draft(thing, tongue.code)
                    evidence.append(said.proves(drafts[slug_of(thing)].slug))
                draft = drafts.get(slug_of(thing))
                if draft is not None and _speaks_of_leave(before, after, tongue):
                    (draft.denied if negated else draft.allowed).update(names)
                    evidence += [said.proves(f"{draft.slug}.{name}") for name in OPERATIONS if name in names]
    return evidence


def _speaks_of_leave(before: str, after: str, tongue: Tongue) -> bool:
    """Return whether a verb tells what people may do, not how a list happens to be (`Tasks are listed by date`)."""
    passive = re.search(r"\b(?:is|are|was|were|est|sont)\s*$", before, re.IGNORECASE)
    return passive is None or re.search(rf"(?:^|\W)(?:{tongue.negation})(?:\W|$)", f"{before}{after}", re.IGNORECASE) is not None


def _meant(verbs: str, tongue: Tongue) -> set[Operation]:
    said = re.split(rf"\s*,\s*(?:(?:{tongue.joins})\s+)?|\s(?:{tongue.joins})\s", verbs.lower())
    return {
        operation for operation in OPERATIONS for verb in said if re.fullmatch(tongue.verbs[operation], verb.strip(), re.IGNORECASE)
    }


def _objects(after: str, tongue: Tongue) -> list[tuple[str, bool]]:
    """Return the things a verb is followed by, and whether each is surely a kind of record: `tasks and projects`."""
    text = re.split(rf"\b(?:{tongue.breaks})\b|[.:(]", after.strip(), maxsplit=1, flags=re.IGNORECASE)[0]
    found = []
    for part in re.split(rf",\s*(?:(?:{tongue.joins})\s+)?|\s(?:{tongue.joins})\s", text):
        thing = noun(article(part, tongue), tongue)
        said = part.strip().lower()
        many = bool(thing) and thing != said and re.match(rf"(?:{tongue.single})\s", said) is None
        if thing:
            found.append((thing, many or re.match(rf"(?:{tongue.single})\s", said) is not None))
    return found


def _subjects(before: str, tongue: Tongue) -> list[tuple[str, bool]]:
    """Return the thing that a verb in the passive speaks of: `Tasks can be`, `Les tâches peuvent être`."""
    form = rf"^(?P<thing>.+?)\s+(?:(?:{tongue.able}|cannot|can't|ne\s+\w+\s+(?:pas|jamais)|never|not|be|être|is|are|est|sont)\s*)+$"
    match = re.match(form, before, re.IGNORECASE)
    return [(thing, False) for thing in _things(match["thing"], tongue)] if match else []


# --- the rest ---------------------------------------------------------------------------------------------------------


def _title(said: Sequence[Said], entities: Sequence[Entity]) -> tuple[str, list[Evidence]]:
    for sentence in said:
        if sentence.path.lower() in {"title", "titre", "name", "nom"} or sentence.key in {"title", "titre"}:
            return seen(sentence.text), [sentence.proves("title")]
    return ", ".join(entity.plural for entity in entities[:3]) or "Application", []


def _sign_in(said: Iterable[Said]) -> tuple[bool, list[Evidence]]:
    """Return whether people sign in. Where requirements contradict each other the door is shut."""
    wanted: list[Evidence] = []
    unwanted: list[Evidence] = []
    negation = "|".join(tongue.negation for tongue in TONGUES)
    for sentence in said:
        for clause in re.split(r",| but | mais ", f"{sentence.key}: {sentence.text}"):
            match = re.search(SIGN_IN, clause, re.IGNORECASE)
            if match is None:
                continue
            around = clause[: match.start()] + clause[match.end() :][:24]
            refused = re.search(rf"(?:^|\W)(?:{negation}|optional)(?:\W|$)", around, re.IGNORECASE)
            double = re.search(NO_ENTRY_WITHOUT, around, re.IGNORECASE)
            (unwanted if refused and not double else wanted).append(sentence.proves("sign_in"))
    return bool(wanted), wanted or unwanted


def _theme(said: Iterable[Said]) -> tuple[Theme, list[Evidence]]:
    modes: set[str] = set()
    colour, evidence = "", []
    for sentence in said:
        text = sentence.text.lower()
        named = re.search(r"#[0-9a-f]{6}\b", text) or re.search(rf"\b(?:(?:dark|light)[ -])?(?P<name>{'|'.join(COLOURS)})\b", text)
        rest = text.replace(named[0], " ") if named else text
        found = (
            {mode for mode, words in MODES.items() if re.search(rf"\b(?:{words})\b", rest)} if _speaks_of_look(sentence) else set()
        )
        if named and _speaks_of_look(sentence):
            colour = colour or (named[0] if named[0].startswith("#") else COLOURS[named["name"]])
            evidence.append(sentence.proves("theme"))
        if found:
            modes |= found
            evidence.append(sentence.proves("theme"))
    mode = "auto" if len(modes) != 1 else modes.pop()
    return Theme("dark" if mode == "dark" else "light" if mode == "light" else "auto", colour or Theme().colour), list(
        dict.fromkeys(evidence)
    )


def _speaks_of_look(said: Said) -> bool:
    words = r"theme|thème|colou?r|couleur|accent|mode|look|apparence|\bdark\b|\blight\b|sombre|\bclaire?\b"
    return re.search(words, f"{said.key} {said.text}", re.IGNORECASE) is not None


def _number(about: str, said: Iterable[Said], subject: str, pattern: str, bounds: tuple[int, int]) -> tuple[int, list[Evidence]]:
    """Return the number that sentences about `subject` give, within bounds, and who says so; 0 if nobody does."""
    for sentence in said:
        match = re.search(pattern, sentence.text, re.IGNORECASE)
        if match and re.search(subject, f"{sentence.key} {sentence.text}", re.IGNORECASE):
            return max(bounds[0], min(int(match[1][:6]), bounds[1])), [sentence.proves(about)]
    return 0, []


def _hosting(said: Sequence[Said]) -> tuple[Hosting, list[Evidence]]:
    running = [sentence for sentence in said if sentence.group == "operations"]
    port, evidence = _number("port", running, "port", r"\b(\d{2,5})\b", (1024, 65535))
    found = Hosting(port=port or Hosting().port)
    for sentence in running:
        if match := re.search(r"\b(\d{2}(?:[.,]\d{1,4})?)\s?%", sentence.text):
            found = replace(found, availability=float(match[1].replace(",", ".")))
            evidence.append(sentence.proves("availability"))
    for sentence in said:
        if sentence.group == "database" and (match := re.search(_ENGINES, sentence.text, re.IGNORECASE)):
            found = replace(found, engine=match[0].lower())
            evidence.append(sentence.proves("engine"))
    return found, evidence
