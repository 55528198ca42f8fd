"""Words: the titles, descriptions and short phrases of rendered skills, in every language that ships."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bmad_provisioner.kinds.skills.domains import subjects
from bmad_provisioner.kinds.skills.naming import stem
from bmad_provisioner.kinds.skills.spelling import shortened

LONGEST_DESCRIPTION = 1024
"""Of the Agent Skills standard; ours stay far below, since every tool shows all of them to the model all of the time."""
_ROOM = 200
NBSP = "\N{NO-BREAK SPACE}"

PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "leader": "{title} for {project}: routes {subject} work to {names}. "
        "Use when a request concerns {keywords}, or needs several of these specialists.",
        "alone": "{title} for {project}: sees {subject} work through. Use when a request concerns {subject} work.",
        "specialist": "{name} for {project}{field}. Use when the work is about {keywords}.",
        "workflow": "Conducts the {title} workflow of {project}: {names}. Use when this whole sequence should run, step by step.",
        "leader_title": "{subject} Leader",
        "role": "Routes {subject} work of {project} to the specialist it belongs to, and answers for the whole.",
        "identity": "Leads {names}.",
        "identity_alone": "Has no specialists yet and does the work itself.",
        "style": "Short and concrete: names the evidence for a choice, asks one question at a time.",
        "role_of": "Specialist chosen by the {leader}",
        "anytime": "any time",
        "menu_specialist": "{name}: {when}",
    },
    "fr": {
        "leader": f"{{title}} du projet {{project}}{NBSP}: oriente le travail {{of_subject}} vers {{names}}. "
        f"À utiliser quand une demande porte sur{NBSP}: {{keywords}}, ou réclame plusieurs de ces spécialistes.",
        "alone": f"{{title}} du projet {{project}}{NBSP}: mène à bien le travail {{of_subject}}. "
        "À utiliser quand une demande relève de ce travail.",
        "specialist": f"{{name}} du projet {{project}}{{field}}. À utiliser quand le travail porte sur{NBSP}: {{keywords}}.",
        "workflow": f"Conduit le parcours {{title}} du projet {{project}}{NBSP}: {{names}}. "
        "À utiliser quand toute cette suite doit se dérouler, étape par étape.",
        "leader_title": "Responsable {subject}",
        "role": "Oriente le travail {of_subject} du projet {project} vers le spécialiste qui convient, et répond de l'ensemble.",
        "identity": "Dirige {names}.",
        "identity_alone": "N'a pas encore de spécialistes et fait le travail.",
        "style": "Bref et concret : nomme l'indice qui fonde un choix, pose une question à la fois.",
        "role_of": f"Spécialiste choisi par{NBSP}: {{leader}}",
        "anytime": "à tout moment",
        "menu_specialist": f"{{name}}{NBSP}: {{when}}",
    },
}

STEPS: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "en": {
        "leader": (
            "Invoke the `{skill}` skill. It routes the work to whom it belongs to: {subject}.",
            "the work, cut and routed, with the result of each part",
            "",
        ),
        "plan": (
            "Invoke the `{skill}` skill. Ask it to cut and order the work and to say who does which part; "
            "the next steps have it done.",
            "the parts in order, each with who does it and what done means",
            "",
        ),
        "specialist": ("Invoke the `{skill}` skill.", "the result, with what was checked and what is open", ""),
        "role": (
            "Whoever `{leader}` routed to does the work: {subject}. Invoke the skill that was named in the step before.",
            "the result of the one who was chosen, with what was checked and what is open",
            "If `{leader}` has already had the work done, take its result and go on.",
        ),
        "workflow": ("Invoke the `{skill}` skill and let its sequence run to its end.", "the report it ends with", ""),
        "skill": ("Invoke the `{skill}` skill.", "what that skill says it delivers", ""),
        "agent": ("Invoke the `{skill}` skill (BMAD's {title}).", "{result}", ""),
        "later": ("Let BMAD's {title} do this step, by the name under which it is installed here.", "{result}", ""),
        "absent": (
            "The installed BMAD has no {title}; {heir}",
            "{result}",
            "If nobody here can do it, say so and ask the user for the result of this step.",
        ),
    },
    "fr": {
        "leader": (
            "Invoquer la compétence `{skill}`. Elle oriente le travail vers qui convient : {subject}.",
            "le travail découpé et confié, avec le résultat de chaque partie",
            "",
        ),
        "plan": (
            "Invoquer la compétence `{skill}`. Lui demander de découper et d'ordonner le travail et de dire qui fait quoi ; "
            "les étapes suivantes le font faire.",
            "les parties en ordre, chacune avec qui s'en charge et ce que terminé veut dire",
            "",
        ),
        "specialist": ("Invoquer la compétence `{skill}`.", "le résultat, avec ce qui a été vérifié et ce qui reste ouvert", ""),
        "role": (
            "Qui `{leader}` a choisi fait le travail : {subject}. Invoquer la compétence nommée à l'étape précédente.",
            "le résultat de la personne choisie, avec ce qui a été vérifié et ce qui reste ouvert",
            "Si `{leader}` a déjà fait faire le travail, prendre son résultat et continuer.",
        ),
        "workflow": (
            "Invoquer la compétence `{skill}` et laisser sa suite aller jusqu'au bout.",
            "le compte rendu qui la termine",
            "",
        ),
        "skill": ("Invoquer la compétence `{skill}`.", "ce que cette compétence annonce", ""),
        "agent": ("Invoquer la compétence `{skill}` (le rôle « {title} » de BMAD).", "{result}", ""),
        "later": ("Confier cette étape au rôle « {title} » de BMAD, sous le nom qu'il porte ici.", "{result}", ""),
        "absent": (
            "Le BMAD installé n'a pas de rôle « {title} » ; {heir}",
            "{result}",
            "Si personne ici ne peut le faire, le dire et demander à l'utilisateur le résultat de cette étape.",
        ),
    },
}

AGENTS_FR: Mapping[str, str] = {
    "Analyst": "Analyste", "Architect": "Architecte", "BMAD Master": "Maître BMAD", "Developer": "Développeur",
    "Product Manager": "Chef de produit", "Product Owner": "Responsable de produit", "QA Engineer": "Ingénieur qualité",
    "Quick Flow Developer": "Développeur Quick Flow", "Scrum Master": "Scrum Master", "Technical Writer": "Rédacteur technique",
    "Test Architect": "Architecte de test", "UX Designer": "Concepteur UX",
}  # fmt: skip
"""The French titles of BMAD's agents."""

RESULTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "Analyst": "the problem, stated so that it can be worked on",
        "Architect": "the decisions that the following steps build on",
        "Developer": "the change, with its tests passing",
        "Product Manager": "the requirements in scope, in order of importance",
        "Product Owner": "the requirements in scope, in order of importance",
        "QA Engineer": "what was tested, and the defects found",
        "Scrum Master": "the next story, ready to be worked on, with acceptance criteria",
        "Technical Writer": "the documents that the change calls for",
        "Test Architect": "the test design, with the risks it covers",
        "UX Designer": "the flows and states that the change calls for",
        "": "what this agent says it delivers",
        "goal": "the goal of this run",
        "before": "the goal, and the result of step {number}",
        "heir": "its work is done by `{skill}`. Invoke the `{skill}` skill.",
        "nobody": "carry out this step yourself.",
    },
    "fr": {
        "Analyst": "le problème, énoncé de façon que l'on puisse y travailler",
        "Architect": "les décisions sur lesquelles les étapes suivantes s'appuient",
        "Developer": "le changement, ses tests réussis",
        "Product Manager": "les exigences du périmètre, par ordre d'importance",
        "Product Owner": "les exigences du périmètre, par ordre d'importance",
        "QA Engineer": "ce qui a été testé, et les défauts trouvés",
        "Scrum Master": "le récit suivant, prêt à être traité, avec ses critères d'acceptation",
        "Technical Writer": "les documents que le changement appelle",
        "Test Architect": "la conception des tests, avec les risques couverts",
        "UX Designer": "les parcours et les états que le changement appelle",
        "": "ce que ce rôle annonce",
        "goal": "le but de ce passage",
        "before": "le but, et le résultat de l'étape {number}",
        "heir": "son travail revient à `{skill}`. Invoquer la compétence `{skill}`.",
        "nobody": "faire cette étape soi-même.",
    },
}


def phrase(language: str, key: str, **parts: str) -> str:
    """Return a phrase with its parts put in; the parts are data and never read as phrases."""
    return fill(PHRASES[language][key], parts)


def fill(text: str, parts: Mapping[str, str]) -> str:
    """Put parts into the gaps of a text in one pass, so that a gap written in a part stays what it is."""
    return re.sub(r"\{(\w+)\}", lambda gap: parts[gap.group(1)], text)


def subject_of(leader: str, language: str) -> str:
    """Return what a leader's work is called: `development` for `dev-leader`."""
    known = subjects().get(stem(leader))
    if known is None:
        return stem(leader).replace("-", " ")
    english, french = known
    return french if language == "fr" else " ".join(word.lower() if word.istitle() else word for word in english.split())


def of_subject(leader: str, language: str) -> str:
    """Return the subject as French puts it after a noun: `de développement`, `d'architecture`."""
    subject = subject_of(leader, language)
    return f"d'{subject}" if subject[:1].casefold() in "aàâeéèêiîoôuûhœ" else f"de {subject}"


def leader_title(leader: str, language: str) -> str:
    """Return a leader's title: `Development Leader`, `Responsable développement`."""
    known = subjects().get(stem(leader))
    subject = known[1 if language == "fr" else 0] if known else stem(leader).replace("-", " ")
    if language == "en" and not known:
        subject = subject.title()
    return phrase(language, "leader_title", subject=subject)


def phase_label(phase: str, language: str) -> str:
    """Return a phase as readers know it; BMAD's own names stay as they are."""
    return PHRASES[language]["anytime"] if phase == "anytime" else phase


def workflow_title(name: str, language: str) -> str:
    """Return the heading of a workflow's skill."""
    words = name.replace("-", " ")
    return (
        f"Parcours {words}"
        if language == "fr"
        else words.title()
        if words.lower().endswith("workflow")
        else f"{words.title()} Workflow"
    )


def listed(items: Sequence[str], language: str, room: int = _ROOM) -> str:
    """Return items as one phrase, with the language's `and`, cut to what fits into `room` characters."""
    text = shortened(items, room)
    head, comma, last = text.rpartition(", ")
    joined = " et " if language == "fr" else " and "
    return head + joined + last if comma and text == ", ".join(" ".join(i.split()) for i in items) else text


def described(text: str) -> str:
    """Return a description as one line within the standard's length, without what some tools take for markup."""
    flat = (
        " ".join(text.split())
        .replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}")
        .replace(">", "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}")
    )
    return flat if len(flat) <= LONGEST_DESCRIPTION else flat[: LONGEST_DESCRIPTION - 1].rstrip() + "…"
