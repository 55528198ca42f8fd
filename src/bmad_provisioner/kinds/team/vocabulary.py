"""Vocabulary: the English and French words by which a request says what an application should be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tongue:
    """The words of one language; what is a regular expression says so by its place in a pattern."""

    code: str
    single: str
    """Determiners that one thing follows."""
    several: str
    """Determiners that one thing or many may follow."""
    has: str
    may_have: str
    has_not: str
    belongs: str
    manage: str
    able: str
    within: str
    """What opens the fields of a thing named as an object: `customers with a name`."""
    among: str
    """What opens the choices of a field."""
    joins: str
    negation: str
    many: str
    required: str
    optional: str
    bare: bool
    """Whether a sentence may begin with a noun that has no determiner: `Tasks have a title`."""
    clause: str
    """What opens a clause that may say what a thing has: `a tracker where each task has a title`."""
    verbs: Mapping[str, str]
    """An operation -> all the forms of the verbs that mean it."""
    breaks: str
    """Words that end a noun phrase."""


EN = Tongue(
    code="en",
    single="an?|each|every|one",
    several="the|all|any|many|several|new|existing|these",
    has=(
        "has|have|must have|should have|needs to have|contains?|includes?|consists? of|is described by|are described by"
        "|is made of|records?|stores?|holds?|carries|carry"
    ),
    may_have="can have|may have|could have|can contain|may contain|optionally has|optionally have",
    has_not="has no|have no|has neither|does not have|do not have|doesn't have|don't have|never has|cannot have",
    belongs=(
        "belongs? to|is part of|are part of|is assigned to|are assigned to|is linked to|are linked to|refers? to|references?"
        "|is attached to|are attached to|is filed under|are filed under"
    ),
    manage=(
        "manage|manages|managing|track|tracks|tracking|keep track of|keeps track of|administer|maintain|maintains|organi[sz]e"
        "|organi[sz]es|crud (?:for|of|on)|crud|handle a list of|keep a list of|keeps a list of"
    ),
    able="can|may|must be able to|should be able to|are able to|is able to|must|should|will|want to|wants to|need to|needs to",
    within="with|having|described by",
    among="one of|either|among",
    joins="and|or|as well as",
    negation="no|not|never|cannot|can't|nobody|no one|none|without|isn't|aren't|don't|doesn't|won't|unnecessary|needless",
    many="many|several|multiple|some|any number of|zero or more|one or more|a list of|a set of",
    required="required|mandatory|compulsory|must be given|obligatory",
    optional="optional|optionally|if any|may be empty|not required",
    bare=True,
    clause="where|in which|so that|for which",
    verbs={
        "create": "create|creates|creating|created|add|adds|adding|added|enter|entered|record|recorded",
        "read": "read|reads|reading|view|views|viewing|viewed|see|seen|open|opened|show|shown|consult|consulted|display|displayed",
        "update": "edit|edits|editing|edited|update|updates|updating|updated|change|changes|changed|modify|modified",
        "delete": "delete|deletes|deleting|deleted|remove|removes|removing|removed|erase|erased",
        "list": "list|lists|listing|listed|browse|browsed|search|searches|searching|searched|filter|filtered|sort|sorted|find",
    },
    breaks="in|by|with|of|from|for|when|that|which|who|at|on|to|into|if|so|as|is|are|was|be|after|before|while|using|through|per|via",
)

FR = Tongue(
    code="fr",
    single="une?|chaque|tout|toute",
    several="les?|la|l'|des|ces|tous les|toutes les|plusieurs|nouveaux|nouvelles",
    has=(
        "a|ont|doit avoir|doivent avoir|possèdent|possède|contient|contiennent|comporte|comportent|comprend|comprennent"
        "|est décrite? par|sont décrite?s par|se compose d[e']|se composent d[e']|enregistre"
    ),
    may_have="peut avoir|peuvent avoir|peut contenir|peuvent contenir|peut comporter",
    has_not="n'a pas|n'ont pas|n'a ni|ne contient pas|ne contiennent pas|n'a aucune?|n'a jamais|ne peut pas avoir",
    belongs=(
        "appartient à|appartiennent à|appartient au|appartiennent au|fait partie d[e']|font partie d[e']|est rattachée? à"
        "|sont rattachée?s à|est rattachée? au|est liée? à|sont liée?s à|est affectée? à|dépend d[e']"
    ),
    manage="gérer|gère|gèrent|gestion d[eu]s?|gestion d'|suivre|suit|suivi d[eu]s?|administrer|tenir la liste d[eu]s?",
    able="peut|peuvent|doit pouvoir|doivent pouvoir|doit|doivent|pourra|pourront|veut|veulent",
    within="avec|ayant",
    among="parmi|soit|l'un de",
    joins="et|ou|ainsi que",
    negation="ne|n'|non|pas|jamais|personne|aucun|aucune|sans|inutile|ni",
    many="plusieurs|des|une liste de|une ou plusieurs|un ou plusieurs",
    required="obligatoires?|requise?s?|exigée?s?",
    optional="facultati(?:fs?|ves?)|optionnel(?:le)?s?|non obligatoires?|éventuel(?:le)?s?|éventuellement",
    bare=False,
    clause="où|dans laquelle|dans lequel|pour que",
    verbs={
        "create": "créer|crée|créent|créée?s?|ajouter|ajoute|ajoutée?s?|saisir|saisie?s?",
        "read": "lire|lit|lue?s?|voir|vue?s?|consulter|consulte|consultée?s?|afficher|affichée?s?|ouvrir|ouverte?s?",
        "update": "modifier|modifie|modifiée?s?|éditer|éditée?s?|changer|changée?s?|mettre à jour|mise?s? à jour|corriger",
        "delete": "supprimer|supprime|supprimée?s?|effacer|effacée?s?|retirer|retirée?s?",
        "list": "lister|liste|listée?s?|parcourir|rechercher|recherchée?s?|chercher|filtrer|filtrée?s?|trier|triée?s?",
    },
    breaks="dans|par|avec|pour|quand|qui|que|dont|où|à|au|aux|sur|si|est|sont|était|être|après|avant|depuis|en|selon|via|chez|lorsque",
)

TONGUES = (EN, FR)

NOT_THINGS = frozenset(
    # What a request talks about that is no record of the application: its parts, its people, its qualities.
    """account accounts access action actions admin admins administrator app application attempt attempts backup backups browser
    button buttons change changes code colour color cookie cookies dashboard data database endpoint endpoints engine error errors
    everybody everyone everything feature features field fields form forms group health he home interface it layout list lists
    login log logs menu metrics mode module nobody one operator operators page pages panel password passwords permission
    permissions port product owner request requests requirement requirements row rows rule rules screen screens search
    server service session sessions she site software somebody someone system table tables team test tests that theme they thing
    things this title tool toolbar url user users version view views visitor visitors warning we website who you
    accès administrateur administrateurs affichage appli authentification base bouton boutons champ champs compte comptes connexion
    couleur couleurs donnée données écran écrans erreur erreurs équipe exigence exigences fonction fonctions formulaire formulaires
    il elle ils elles journal logiciel mot nous on outil page quelqu requête règle règles sauvegarde sauvegardes
    serveur site système thème tout tous utilisateur utilisateurs utilisatrice utilisatrices vous menu liste listes mots
    """.split()  # noqa: SIM905 - a table of two hundred words is read as text
)

TYPES: tuple[tuple[str, str], ...] = (
    # The first whose pattern is found in a field's name tells its type; the order is by how sure the word is.
    ("boolean", r"^(?:is|has|est)\b|\b(?:yes/no|oui/non|flag|active|archived|completed|paid|actif|active|payée?|archivée?)$"),
    ("date", r"\b(?:date|deadline|birthday|day|échéance|anniversaire|jour)\b|\bdue\b"),
    (
        "decimal",
        r"\b(?:price|amount|cost|total|balance|weight|rate|budget|fee|salary|temperature|prix|montant|coût|solde|poids|taux|tarif|salaire)\b",
    ),
    ("integer", r"\b(?:number of|quantity|count|age|stock|year|seats|pages|score|quantité|nombre de|âge|année|places|effectif)\b"),
    (
        "long text",
        r"\b(?:description|notes?|comments?|body|content|summary|details|contenu|commentaires?|remarques?|résumé|texte)\b",
    ),
)
SAID_TYPES: Mapping[str, str] = {
    "text": "text", "short text": "text", "string": "text", "texte": "text", "texte court": "text",
    "long text": "long text", "texte long": "long text", "multiline": "long text", "paragraph": "long text",
    "integer": "integer", "whole number": "integer", "int": "integer", "entier": "integer", "nombre entier": "integer",
    "number": "decimal", "decimal": "decimal", "money": "decimal", "nombre": "decimal", "décimal": "decimal", "euros": "decimal",
    "date": "date", "day": "date", "jour": "date",
    "boolean": "boolean", "yes/no": "boolean", "yes or no": "boolean", "true/false": "boolean", "oui/non": "boolean",
    "oui ou non": "boolean", "checkbox": "boolean", "booléen": "boolean", "case à cocher": "boolean",
}  # fmt: skip
LABELS = frozenset(
    """name title subject label number code reference
    nom titre intitulé objet libellé sujet numéro référence""".split()  # noqa: SIM905
)
"""Fields by which people call a record: required although nobody says so."""

SIGN_IN = (
    r"sign(?:s|ed|ing)?[- ]in\b|\blog(?:s|ged|ging)?[- ]?in\b|\blogins?\b|\bauthenticat\w+|\bpasswords?\b|\buser accounts?\b"
    r"|\b(?:se|me|nous|vous) connecte\w*|\bconnectée?s?\b|\bs'(?:ident|authent)ifi\w+|\bauthentification\b|\bmots? de passe\b"
    r"|\bcomptes? utilisateurs?\b|\bconnexion\b(?! (?:à la base|au serveur|internet|https|tls|chiffrée|sécurisée|réseau))"
)
NO_ENTRY_WITHOUT = (
    r"\b(?:nobody|no one|nothing|not|never|cannot|personne|rien|pas|jamais|aucune?)\b.*\b(?:without|unless|before|sans|avant de)\b"
)
"""A double negation that means yes: nobody reads anything without signing in."""

MODES: Mapping[str, str] = {
    "light": r"light|clair|claire|day",
    "dark": r"dark|sombre|foncé|foncée|night|nuit",
    "auto": r"auto\w*|system|système|follows",
}
COLOURS: Mapping[str, str] = {
    "teal": "#0f766e", "sarcelle": "#0f766e", "turquoise": "#0f766e", "blue": "#1d4ed8", "bleu": "#1d4ed8", "bleue": "#1d4ed8",
    "indigo": "#4338ca", "purple": "#7e22ce", "violet": "#7e22ce", "violette": "#7e22ce", "green": "#15803d", "vert": "#15803d",
    "verte": "#15803d", "red": "#b91c1c", "rouge": "#b91c1c", "orange": "#c2410c", "amber": "#b45309", "ambre": "#b45309",
    "pink": "#be185d", "rose": "#be185d", "grey": "#475569", "gray": "#475569", "gris": "#475569", "grise": "#475569",
    "black": "#1f2937", "noir": "#1f2937",
}  # fmt: skip

_SAME = frozenset("cours pays fois prix avis bras temps souris colis devis mois repas bus series species".split())  # noqa: SIM905
_IRREGULAR = {"person": "people", "child": "children", "man": "men", "woman": "women", "mouse": "mice", "foot": "feet"}
_REGULAR = {plural: single for single, plural in _IRREGULAR.items()}


def plural(name: str, language: str) -> str:
    """Return the plural of a noun phrase in the singular."""
    if language == "fr":
        head, space, rest = name.partition(" ")
        follows = rest if re.match(r"d(?:e|u|es|')\b|d'|à |en |par ", rest) else " ".join(map(_plural_fr, rest.split()))
        return _plural_fr(head) + space + follows
    rest, space, head = name.rpartition(" ")
    return rest + space + _plural_en(head)


def singular(name: str, language: str) -> str:
    """Return the singular of a noun phrase that may be in the plural."""
    if language == "fr":
        head, space, rest = name.partition(" ")
        follows = rest if re.match(r"d(?:e|u|es|')\b|d'|à |en |par ", rest) else " ".join(map(_singular_fr, rest.split()))
        return _singular_fr(head) + space + follows
    rest, space, head = name.rpartition(" ")
    return rest + space + _singular_en(head)


def _plural_en(word: str) -> str:
    if word in _SAME:
        return word if word != "bus" else "buses"
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(?:s|x|z|ch|sh)$", word) else "s")


def _singular_en(word: str) -> str:
    if word in _SAME or re.search(r"(?:ss|us|is)$", word):
        return word
    if word in _REGULAR:
        return _REGULAR[word]
    if re.search(r"[^aeiou]ies$", word) and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(?:ss|us|x|z|ch|sh)es$", word):
        return word[:-2]
    return word.removesuffix("s")


def _plural_fr(word: str) -> str:
    if word in _SAME or word[-1:] in {"s", "x", "z"}:
        return word
    if word.endswith("al"):
        return word[:-2] + "aux"
    return word + ("x" if re.search(r"(?:eau|eu)$", word) else "s")


def _singular_fr(word: str) -> str:
    if word in _SAME:
        return word
    if word.endswith(("eaux", "eux")):
        return word[:-1]
    if word.endswith("aux"):
        return word[:-3] + "al"
    return word.removesuffix("s")
