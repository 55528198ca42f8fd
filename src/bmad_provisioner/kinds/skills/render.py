"""Render: the actions that turn what a manifest declares into files, one action for each form of thing.

The one module that knows Jinja2. Values are data: they are put into templates, never read as templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bmad_provisioner.digest import Entry
from bmad_provisioner.engine.task import Action, Inputs, Output
from bmad_provisioner.kinds.skills import bmad, words
from bmad_provisioner.kinds.skills.domains import Pack, expertise, pack, practice
from bmad_provisioner.kinds.skills.edition import EDITION
from bmad_provisioner.kinds.skills.routing import keyword_rows, routes
from bmad_provisioner.kinds.skills.rules import conformance
from bmad_provisioner.kinds.skills.spelling import cell, inline, lines, toml_key, toml_table, yaml_text
from bmad_provisioner.kinds.skills.words import PHRASES, RESULTS, STEPS, described, leader_title, listed, phrase

if TYPE_CHECKING:
    from jinja2 import Environment, Template

Args = Mapping[str, Any]
OPENING = "# >>> bmad-provisioner"
CLOSING = "# <<< bmad-provisioner"
ICONS: Mapping[str, str] = {"generic": "🧭", "healthcare": "🩺", "qa": "🔎", "cis": "💡"}
_NOTE = (
    "# Made by bmad-provisioner from its manifest; what you change here is kept.\n"
    "# Overrides of your own go into _bmad/custom/{skill}.toml\n\n"
)


@cache
def _environment() -> Environment:
    """Return the environment, made once: sandboxed, strict about what is missing, and deaf to markup in values."""
    from jinja2 import FileSystemLoader, StrictUndefined  # noqa: PLC0415 - a run that renders nothing pays nothing
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["cell"] = cell
    return environment


@cache
def _template(language: str, name: str) -> Template:
    return _environment().get_template(f"{language}/{name}.md.j2")


def leader(inputs: Inputs) -> Output:
    """Render a leader: its skill, its routing rules and words, and what BMAD reads of it."""
    args: Args = inputs.args
    language, skill = args["language"], args["skill"]
    brought = pack(args["domain"], language)
    title, people = leader_title(skill, language), args["specialists"]
    subject, of = words.subject_of(skill, language), words.of_subject(skill, language)
    keywords = [word for person in people for word in person["skills"][:2] or [person["domain"] or person["name"]]]
    parts = {
        "title": title, "project": args["project"], "subject": subject, "of_subject": of,
        "names": listed([p["name"] for p in people], language), "keywords": listed(keywords, language, 260),
    }  # fmt: skip
    description = described(phrase(language, "leader" if people else "alone", **parts))
    context = {
        "title": inline(title), "project": inline(args["project"]), "subject": inline(subject), "of_subject": inline(of),
        "any_of": inline(listed(keywords, language, 400)), "phase": words.phase_label(args["phase"], language),
        "domain_label": brought.label, "specialists": [{"name": p["name"], "when": _when(p), "skill": p["skill"]} for p in people],
        "facts": [inline(fact) for fact in args["memories"]], "principles": [inline(p) for p in args["principles"]],
        "domain_principles": list(brought.principles), "menu": args["menu"], "overrides": args["overrides"],
    }  # fmt: skip
    files = {"SKILL.md": _skill(skill, description, _template(language, "leader").render(context))}
    if people:
        files["references/routing-rules.md"] = _template(language, "routing").render(
            {"title": inline(title), **routes(people, language)}
        )
        files["data/routing-keywords.csv"] = keyword_rows(people, language)
    if args["overrides"]:
        files["customize.toml"] = _customize(args, title, parts)
    return _skill_output(inputs, skill, description, files)


def _when(person: Mapping[str, Any]) -> str:
    return listed([*person["skills"]] or [person["domain"] or person["name"]], "en", 240).replace(" and ", ", ")


def _customize(args: Args, title: str, parts: Mapping[str, str]) -> str:
    """Return the `customize.toml` that BMAD (6.4 and later) resolves, with the project's additions in it."""
    language, people = args["language"], args["specialists"]
    agent = {
        "name": title, "title": title, "icon": ICONS.get(args["domain"], ICONS["generic"]),
        "role": phrase(language, "role", **parts),
        "identity": phrase(language, "identity" if people else "identity_alone", **parts),
        "communication_style": PHRASES[language]["style"],
        "activation_steps_prepend": [], "activation_steps_append": [],
        "persistent_facts": list(args["memories"]), "principles": list(args["principles"]),
    }  # fmt: skip
    taken = {item["code"] for item in args["menu"]}
    own = [
        {"code": p["id"], "description": phrase(language, "menu_specialist", name=p["name"], when=_when(p)), "skill": p["skill"]}
        for p in people
        if p["id"] not in taken
    ]
    tables = [
        toml_table("agent", agent),
        *(toml_table("agent.menu", item, array=True) for item in [*own, *map(_menu, args["menu"])]),
    ]
    return _NOTE.replace("{skill}", args["skill"]) + "\n".join(tables)


def _menu(item: Mapping[str, str]) -> Mapping[str, str]:
    """Return a menu entry as BMAD wants it: exactly one of `skill` and `prompt`."""
    what = "skill" if item["skill"] else "prompt"
    return {"code": item["code"], "description": item["description"], what: item[what]}


def specialist(inputs: Inputs) -> Output:
    """Render a specialist: its skill, with the references and data of its domain."""
    args: Args = inputs.args
    language, skill = args["language"], args["skill"]
    brought = pack(args["domain"], language)
    known = expertise(args["name"], [args["name"], args["expertise"], *args["skills"]], args["domain"], language)
    steps, done = practice(known.field, language)
    field = f" ({listed([args['expertise']], language, 120)})" if args["expertise"].strip() else ""
    keywords = listed(args["skills"] or [args["expertise"].strip() or args["name"]], language)
    description = described(
        phrase(language, "specialist", name=args["name"], project=args["project"], field=field, keywords=keywords)
    )
    context = {
        "name": inline(args["name"]), "project": inline(args["project"]), "expertise": inline(args["expertise"]),
        "leader": args["leader"], "leader_title": inline(leader_title(args["leader"], language)),
        "skills": [inline(s) for s in args["skills"]], "concepts": [{"term": t, "text": text} for t, text in known.concepts],
        "steps": steps, "done": [*done, *brought.done], "notes": lines(args["notes"]),
        "domain_principles": list(brought.principles),
        "references": _abouts(brought.references), "data": _abouts(brought.data),
    }  # fmt: skip
    files: dict[str, str | bytes] = {"SKILL.md": _skill(skill, description, _template(language, "specialist").render(context))}
    files |= _brought(brought)
    return _skill_output(inputs, skill, description, files)


def _abouts(files: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"file": name, "about": about} for name, about in files.items()]


def _brought(brought: Pack) -> dict[str, str | bytes]:
    references = {f"references/{name}": brought.read(name) for name in brought.references}
    return {**references, **{f"data/{name}": brought.read(name) for name in brought.data}}


def workflow(inputs: Inputs) -> Output:
    """Render a workflow: the skill that conducts its sequence."""
    args: Args = inputs.args
    language, skill = args["language"], args["skill"]
    title = words.workflow_title(skill, language)
    steps = [_step(args["steps"], number, language) for number in range(len(args["steps"]))]
    names = [step["heading"] for step in steps]
    plain = skill.replace("-", " ").removesuffix(" workflow")
    description = described(phrase(language, "workflow", title=plain, project=args["project"], names=listed(names, language, 300)))
    context = {
        "title": inline(title),
        "project": inline(args["project"]),
        "phase": words.phase_label(args["phase"], language),
        "steps": steps,
    }
    return _skill_output(
        inputs, skill, description, {"SKILL.md": _skill(skill, description, _template(language, "workflow").render(context))}
    )


def _step(steps: Sequence[Mapping[str, Any]], number: int, language: str) -> dict[str, str]:
    """Return one step in words: who, what it takes, what it gives, and how it is started."""
    step, results = steps[number], RESULTS[language]
    form = _form(step, steps[number + 1 :])
    title = _step_title(step, language)
    heir = results["heir"].replace("{skill}", step["skill"]) if step["skill"] else results["nobody"]
    result = results.get(step["title"], results[""])
    gaps = {
        "skill": step["skill"],
        "subject": inline(step["subject"]),
        "leader": step["leader"],
        "title": title,
        "heir": heir,
        "result": result,
    }
    how, gives, note = (words.fill(text, gaps) for text in STEPS[language][form])
    takes = results["goal"] if number == 0 else results["before"].replace("{number}", str(number))
    who = f"{title} (`{step['skill']}`)" if step["skill"] and form != "absent" else title
    return {"heading": title, "who": who, "takes": takes, "gives": gives, "how": how, "note": note}


def _form(step: Mapping[str, Any], rest: Sequence[Mapping[str, Any]]) -> str:
    """Return which words a step takes: a leader whose own specialist comes next plans, and does not have the work done."""
    if step["form"] == "agent" and not step["skill"]:
        return "later"
    if step["form"] == "leader" and rest and rest[0]["leader"] == step["skill"]:
        return "plan"
    return str(step["form"])


def _step_title(step: Mapping[str, Any], language: str) -> str:
    if step["form"] == "leader":
        return inline(leader_title(step["skill"], language))
    if step["form"] == "role":
        return words.phrase(language, "role_of", leader=inline(leader_title(step["leader"], language)))
    if step["form"] in {"agent", "absent"} and language == "fr":
        return words.AGENTS_FR.get(step["title"], inline(step["title"]))
    return inline(step["title"])


def roster(inputs: Inputs) -> Output:
    """Render our marked block of `_bmad/custom/config.toml`: the leaders, as agents that BMAD's meetings can call in."""
    args: Args = inputs.args
    tables = []
    for agent in args["leaders"]:
        language = args["language"]
        title = leader_title(agent["skill"], language)
        parts = {"subject": words.subject_of(agent["skill"], language), "of_subject": words.of_subject(agent["skill"], language)}
        about = phrase(language, "role", project=args["project"], **parts)
        icon = ICONS.get(agent["domain"], ICONS["generic"])
        values = {
            "module": args["code"],
            "team": args["project"],
            "name": title,
            "title": title,
            "icon": icon,
            "description": about,
        }
        tables.append(toml_table(f"agents.{toml_key(agent['skill'])}", values))
    text = "\n".join([f"{OPENING}\n", *tables, f"{CLOSING}\n"])
    return Output({args["path"]: inputs.keep(text.encode())})


def override(inputs: Inputs) -> Output:
    """Render the sparse overrides of one BMAD skill."""
    args: Args = inputs.args
    facts, principles = list(args["memories"]), list(args["principles"])
    is_agent = args["table"] == "agent"
    values = {"persistent_facts": facts if is_agent else facts + principles, "principles": principles if is_agent else []}
    tables = [toml_table(args["table"], {key: value for key, value in values.items() if value})]
    tables += [toml_table("agent.menu", _menu(item), array=True) for item in args["menu"] if is_agent]
    return Output({args["path"]: inputs.keep("\n".join(tables).encode())})


def help_rows(inputs: Inputs) -> Output:
    """Render the rows by which BMAD's help finds leaders and workflows."""
    args: Args = inputs.args
    language = args["language"]
    rows = [bmad.HelpRow(**{**row, "display_name": _display(row, language)}) for row in args["rows"]]
    installation = bmad.Installation(version=args["version"], era=args["era"])
    return Output({args["path"]: inputs.keep(bmad.help_csv(args["code"], rows, installation))})


def _display(row: Mapping[str, str], language: str) -> str:
    return (
        words.workflow_title(row["skill"], language)
        if row["display_name"] == "workflow"
        else row["display_name"] or leader_title(row["skill"], language)
    )


def copy(inputs: Inputs) -> Output:
    """Bring a hand-written skill along, byte for byte, and judge it by the same rules as ours."""
    args: Args = inputs.args
    prefix = args["prefix"]
    present = {path.removeprefix(prefix): entry for path, entry in inputs.files.items() if entry is not None and entry.is_plain}
    contents = {name: inputs.read(prefix + name) for name in present}
    found = conformance(args["skill"], contents, args["shown"])
    kept = {name: inputs.keep(data, present[name].executable) for name, data in contents.items()}
    return Output(_everywhere(args, kept), found.findings, {"catalogue": {args["skill"]: found.description_length}})


LEADER = Action("skills.leader", EDITION, leader)
SPECIALIST = Action("skills.specialist", EDITION, specialist)
WORKFLOW = Action("skills.workflow", EDITION, workflow)
ROSTER = Action("skills.roster", EDITION, roster)
OVERRIDE = Action("skills.override", EDITION, override)
HELP_ROWS = Action("skills.help", EDITION, help_rows)
COPY = Action("skills.copy", EDITION, copy)


def _skill(name: str, description: str, body: str) -> str:
    return f"---\nname: {yaml_text(name)}\ndescription: {yaml_text(description)}\n---\n\n{_tidy(body)}"


def _tidy(body: str) -> str:
    """Return the body with single blank lines, no space at line ends, and one newline at its end."""
    kept: list[str] = []
    for line in body.split("\n"):
        if line.strip() or (kept and kept[-1]):
            kept.append(line.rstrip())
    return "\n".join(kept).strip("\n") + "\n"


def _skill_output(inputs: Inputs, skill: str, description: str, files: Mapping[str, str | bytes]) -> Output:
    raw = {name: data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass") for name, data in files.items()}
    found = conformance(skill, raw, "", description)
    kept = {name: inputs.keep(data) for name, data in raw.items()}
    return Output(_everywhere(inputs.args, kept), found.findings, {"catalogue": {skill: len(description)}})


def _everywhere(args: Args, kept: Mapping[str, Entry]) -> dict[str, Entry]:
    folders: Iterable[str] = args["folders"]
    return {f"{folder}/{args['skill']}/{name}": entry for folder in folders for name, entry in kept.items()}
