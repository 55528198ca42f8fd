"""The reference in `docs/reference/`, made from the code. `--check` writes nothing and exits with 1 where a page is not current."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

import bmad_provisioner
from bmad_provisioner import document, errors, project
from bmad_provisioner.cli import tell
from bmad_provisioner.cli.main import ALIASES, VERBS, bmadp
from bmad_provisioner.engine.profile import PROFILES
from bmad_provisioner.kinds.code.repair.knows import knows
from bmad_provisioner.kinds.code.repair.model import Repaired
from bmad_provisioner.kinds.code.repair.repair import repair
from bmad_provisioner.kinds.code.rewriting import Example, Pass
from bmad_provisioner.kinds.performance import capacity_clues, clue, page_clues, quantities, time_clues
from bmad_provisioner.kinds.performance.causes import REMOVABLE
from bmad_provisioner.kinds.performance.metrics import METRICS
from bmad_provisioner.kinds.performance.order import GOALS
from bmad_provisioner.kinds.performance.postgres import telling
from bmad_provisioner.kinds.performance.roadmap import EFFORT
from bmad_provisioner.kinds.performance.scaling import STEEP
from bmad_provisioner.kinds.performance.tables import LARGE
from bmad_provisioner.kinds.skills import domains, phases, platforms
from bmad_provisioner.kinds.skills.installation import Installation
from bmad_provisioner.kinds.team import units
from bmad_provisioner.kinds.team.runtimes.cli import Cli
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.settings import FILE, SETTINGS

HERE = Path(__file__).resolve().parent.parent
FOLDER = HERE / "docs" / "reference"
_MADE = "<!-- Made by scripts/reference.py; `make docs` writes it anew. -->"


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    return {
        "commands.md": commands(),
        "manifest.md": manifest(),
        "team.md": team(),
        "runtimes.md": runtimes(),
        "code.md": code(),
        "performance.md": performance(),
        "passes.md": passes(),
        "repairs.md": repairs(),
        "settings.md": settings(),
        "manifest.schema.json": json.dumps(document.schema(), indent=2, ensure_ascii=False) + "\n",
        "rules.md": rules(),
        "errors.md": error_tree(),
        "exit-codes.md": exit_codes(),
        "files.md": files(),
    }


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", _MADE, *(part.strip("\n") for part in parts if part))) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


# --- commands --------------------------------------------------------------------------------------------------------


def verbs() -> Iterator[tuple[str, click.Command]]:
    """Yield every verb and sub-verb by its full name, in the order of `bmadp --help`."""
    context = click.Context(bmadp)
    for name in bmadp.list_commands(context):
        command = bmadp.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", inner) for below, inner in command.commands.items())


def commands() -> str:
    """Return the page on verbs, arguments and options."""
    listed = _table(("Verb", "What it does"), [(f"[`{name}`](#{_anchor(name)})", line) for name, (_, line) in VERBS.items()])
    parts = [_verb(name, command) for name, command in verbs()]
    own = "Before any verb: `--version` prints the version, `-h` or `--help` the help; each verb has `--help` too."
    hear = "Results go to stdout, all other talk to stderr. `NO_COLOR` switches colours off."
    return _page("Commands", f"{own} {hear} What a verb exits with: [exit codes](exit-codes.md).", listed, *parts)


def _anchor(name: str) -> str:
    return "bmadp-" + name.replace(" ", "-")


def _verb(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"bmadp {name}", **bmadp.context_settings)  # `-h` too: click remembers it
    usage = f"```\n{' '.join([f'bmadp {name}', *command.collect_usage_pieces(context)])}\n```"
    also = [f"`bmadp {alias}`" for alias, verb in ALIASES.items() if verb == name]
    about = inspect.cleandoc(command.help or "").replace("\n", " ")
    options = [
        (", ".join(f"`{word}`" for word in _words(option)), _help(option))
        for option in command.params
        if isinstance(option, click.Option)
    ]
    table = _table(("Option", "Meaning"), options) if options else ""
    text = about + (f" Also: {', '.join(also)}." if also else "")
    return "\n\n".join(part for part in (f"## `bmadp {name}`", text, usage, _arguments(command), table) if part)


def _arguments(command: click.Command) -> str:
    rows = []
    for argument in command.params:
        if isinstance(argument, click.Argument):
            word = re.sub(r"[\[\].]", "", argument.make_metavar(click.Context(command)))
            rows.append((f"`{word}`", ARGUMENTS[word]))
    return _table(("Argument", "Meaning"), rows) if rows else ""


ARGUMENTS: Mapping[str, str] = {
    "MANIFEST": "The manifest's file; without it, `bmad-provisioner.yaml` in the project or this folder, or above it.",
    "MANIFEST PATH": "The manifest's file, if it is not the one found, then files or folders as `bmadp analyze` prints them.",
    "RECEIPT": "The number of a receipt, as `bmadp history` prints it; without it, the newest that is in force.",
    "PATH|TASK": "A file of the project, or a task such as `leader dev-leader` (in quotes), as `bmadp analyze` prints them.",
    "NAME": "The id of a skill; `skill remove` also takes `leader/specialist`.",
}
"""What click has no help text for."""


def _words(option: click.Option) -> list[str]:
    long = [word for word in (*option.opts, *option.secondary_opts)]
    value = "" if option.is_flag else f" {option.make_metavar(click.Context(bmadp))}"
    return [f"{word}{value if word.startswith('--') else ''}" for word in long]


def _help(option: click.Option) -> str:
    default = f" Default: `{option.default}`." if isinstance(option.default, str) and option.default else ""
    many = " May be given several times." if option.multiple else ""
    return (option.help or "") + default + many


# --- manifest --------------------------------------------------------------------------------------------------------


def models(kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the objects of a kind's document by name, each before those it holds."""
    schema: Any = document.schema()
    definitions = schema["$defs"]
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        order.append(name)
        for reference in _references(definitions[name].get("properties", {})):
            visit(reference)

    visit(kind)
    return {name: definitions[name] for name in order}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].removeprefix("#/$defs/")
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


_EDITOR = (
    "To have an editor complete it, write the schema beside it (`bmadp schema > bmad-provisioner.schema.json`) and put this on "
    "the first line:\n\n```yaml\n# yaml-language-server: $schema=bmad-provisioner.schema.json\n```"
)


def manifest() -> str:
    """Return the page on every field of a Skills document."""
    head = (
        "The manifest is YAML in UTF-8, by default `bmad-provisioner.yaml`. Unknown keys are errors. "
        "`bmadp schema` prints the [JSON schema](manifest.schema.json); what else is checked: [rules](rules.md). "
        "Several documents may stand in one file, separated by `---`. Here is the kind `Skills`; others are [`Team`](team.md), "
        "[`Code`](code.md) and [`Performance`](performance.md)."
    )
    sections = [_model(name, model) for name, model in models("Skills").items()]
    return _page("The manifest", head, _EDITOR, *sections, _phases(), _domains(), _tools())


def team() -> str:
    """Return the page on every field of a Team document."""
    head = (
        "A document of the kind `Team` stands in the same file as others do, by default `bmad-provisioner.yaml`. Unknown keys are "
        "errors. `bmadp schema` prints the [JSON schema](manifest.schema.json) of all kinds; what else is checked: "
        "[rules](rules.md). How to write one: [Write a team](../guides/team.md)."
    )
    sections = [_model(name, model) for name, model in models("Team").items()]
    return _page("Team", head, *sections, _profiles(), _units())


def code() -> str:
    """Return the page on every field of a Code document."""
    head = (
        "A document of the kind `Code` stands in the same file as others do, by default `bmad-provisioner.yaml`. Unknown keys are "
        "errors. `bmadp init --code` writes one that fits a project. What the passes do: [Passes](passes.md); what is repaired: "
        "[Repairs](repairs.md); what is told: [rules](rules.md). How to use it: [Tidy Python code](../guides/code.md)."
    )
    return _page("Code", head, *(_model(name, model) for name, model in models("Code").items()))


TITLES: Mapping[str, str] = {
    "Skills": "Top level", "Skills.Project": "`project`", "Skills.Customization": "`project.customizations.<id>`",
    "Skills.MenuAddition": "`project.customizations.<id>.menu_additions[]`",
    "Skills.Integration": "`project.integration`",
    "Skills.Workflow": "`project.integration.workflows[]`", "Skills.Leader": "`project.leaders[]`",
    "Skills.Specialist": "`project.leaders[].specialists[]`", "Skills.HandWritten": "`project.skills[]`",
    "Skills.GitSource": "`project.skills[].source` (git)",
    "Team": "Top level", "Team.Agent": "`agents.<name>`", "Team.Breaker": "`policy.breaker`", "Team.Budget": "`budget`",
    "Team.Cache": "`cache`", "Team.CacheRule": "`cache.<rule>`, `agents.<name>.cache`", "Team.Expected": "`agents.<name>.expected`",
    "Team.Leader": "`leader`", "Team.OwnProfile": "`profile` (your own)", "Team.Policy": "`policy`",
    "Team.RequestFile": "`request` (a file)", "Team.Review": "`agents.<name>.review`",
    "Code": "Top level", "Code.Verify": "`verify`",
    "Performance": "Top level", "Performance.Target": "`targets.<name>`", "Performance.Ask": "`targets.<name>.requests[]`",
    "Performance.Goals": "`goals`", "Performance.Load": "`load`", "Performance.Roadmap": "`roadmap`",
    "Performance.Capacity": "`capacity`",
}  # fmt: skip


def _model(name: str, model: Mapping[str, Any]) -> str:
    required = set(model.get("required", ()))
    rows = [
        (f"`{field}`", _type(value), _default(field, value, required), meaning(value))
        for field, value in model["properties"].items()
    ]
    return "\n\n".join((f"## {TITLES[name]}", model["description"], _table(("Field", "Type", "Default", "Meaning"), rows)))


def meaning(value: Mapping[str, Any]) -> str:
    """Return what the schema says of a field: its own description, or that of the object it holds; nothing if neither does."""
    if "const" in value:
        return value.get("description") or f"What the document is: `{value['const']}`."
    held = [document.schema()["$defs"][name]["description"] for name in _references(value)]  # type: ignore[call-overload, index]
    return str(value.get("description") or next(iter(held), ""))


def _default(field: str, value: Mapping[str, Any], required: set[str]) -> str:
    if field in required:
        return "required"
    default = value.get("default")
    if isinstance(default, dict):
        return "none" if not any(default.values()) else "see there"
    return "none" if default in (None, [], "") else f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _type(value: Mapping[str, Any]) -> str:
    options = value.get("anyOf") or value.get("oneOf")
    if options:
        return " or ".join(dict.fromkeys(_type(option) for option in options if option.get("type") != "null"))
    if "$ref" in value:
        return f"mapping ({TITLES[value['$ref'].rpartition('/')[2]]})"
    if value.get("enum") == sorted(platforms.TOOLS):
        return "[tools](#tools)"
    if "enum" in value or "const" in value:
        return " or ".join(f"`{word}`" for word in value.get("enum", [value.get("const")]))
    if "examples" in value:
        return "such as " + ", ".join(f"`{example}`" for example in value["examples"])
    if value["type"] == "array":
        inner = value["items"]
        return f"list of {TITLES[inner['$ref'].rpartition('/')[2]] if '$ref' in inner else _type(inner)}"
    if value["type"] == "object":
        return _object(value)
    if value.get("pattern") in UNITS:
        return f"[{UNITS[value['pattern']][0]}](#units)"
    words = value["type"] if isinstance(value["type"], list) else [value["type"]]
    return " or ".join(_WORDS[word] for word in words)


def _object(value: Mapping[str, Any]) -> str:
    inner = value.get("additionalProperties")
    inner = next(iter(value.get("patternProperties", {}).values()), inner)
    if isinstance(inner, dict) and "$ref" in inner:
        return f"mapping of names to {TITLES[inner['$ref'].rpartition('/')[2]]}"
    if isinstance(inner, dict) and inner.get("type") in ("string", "number"):
        return f"mapping of names to {_WORDS[inner['type']]}{'s' if inner['type'] == 'number' else ''}"
    return _OBJECTS[inner is True]


_WORDS: Mapping[str, str] = {"string": "text", "integer": "number", "number": "number", "boolean": "`true` or `false`"}
_OBJECTS = ("mapping of ids to mappings", "mapping")


def _profiles() -> str:
    rows = [(f"`{one.name}`", str(one.slots), f"{one.memory // 1024**2} MB", f"{one.cpu:g}") for one in PROFILES.values()]
    rows.append(("`auto`", "as the machine allows", "what the agents held before, and a quarter more", "0.25"))
    about = (
        "What a runtime needs at least ([runtimes](runtimes.md)) goes before what the profile says. Where less memory is free than "
        "a profile asks for, fewer agents run at once, and a warning says so."
    )
    return f"## Profiles\n\n{about}\n\n" + _table(("Profile", "Agents at once", "Memory of each", "Processors of each"), rows)


def _units() -> str:
    rows = [
        ("duration", "`30s`, `15m`, `24h`, `7d`, `1w`, or a number of seconds"),
        ("size", f"`512MB`, `1GB`, or a number of bytes; 1 MB is {units.size('1MB'):,} bytes, as for memory everywhere"),
        ("count", f"`500k`, `2M` ({units.count('2M'):,}), or a number"),
    ]
    return "## Units\n\n" + _table(("What", "How it is written"), rows)


def _phases() -> str:
    now = Installation(version="6.12.0", era="E")
    aliases = {phase: [f"`{a}`" for a, p in phases.PHASE_ALIASES.items() if p == phase] for phase in phases.PHASES}
    rows = [(f"`{p}`", f"`{phases.phase_name(p, now)}`", ", ".join(aliases[p])) for p in phases.PHASES]
    about = "An alias is accepted, with a warning that names the phase it is read as."
    return f"## Phases\n\n{about}\n\n" + _table(("Phase", "In BMAD 6.11 and later", "Aliases"), rows)


def _domains() -> str:
    rows = []
    for name in sorted(domains.BUILT_IN):
        pack = domains.pack(name, "en")
        rows.append((f"`{name}`", *(", ".join(f"`{file}`" for file in part) or "none" for part in (pack.references, pack.data))))
    about = "A domain is a pack of references and data for the skills of a leader. Plugins add theirs under the entry-point group"
    return f"## Domains\n\n{about} `bmad_provisioner.domains`.\n\n" + _table(("Domain", "References", "Data"), rows)


def _tools() -> str:
    old, new = (Installation(version=version) for version in ("6.3.0", "6.12.0"))
    rows = [
        (f"`{tool}`", *(f"`{platforms.skill_folders(installed, [tool])[0]}`" for installed in (old, new)))
        for tool in sorted(platforms.TOOLS)
    ]
    about = "Without `tools` those of BMAD's own manifest count; without these, "
    return f"## Tools\n\n{about}{' and '.join(f'`{f}`' for f in platforms.DEFAULT_FOLDERS)}.\n\n" + _table(
        ("Tool", "Folder with BMAD 6.1 to 6.4", "Folder with BMAD 6.5 and later"), rows
    )


# --- runtimes and settings ---------------------------------------------------------------------------------------------


def known_runtimes() -> Mapping[str, Any]:
    """Return every runtime that is installed here, by its name."""
    offered: Any = Plugins("bmad_provisioner.runtimes")
    return {name: offered[name] for name in sorted(offered)}


RUNTIMES: Mapping[str, str] = {
    "acp": "Any agent that speaks the Agent Client Protocol, version 1; what it may do is asked of us.",
    "anthropic": "A model over HTTP: Anthropic's Messages.",
    "canned": "Says what the document tells it to say: to try a team, or its failures.",
    "command": "Any program: its role and prompt on standard input, in a folder with what it reads.",
    "openai": "A model over HTTP: OpenAI's Chat Completions, or Responses; also any server that speaks them.",
    "python": "A function, called in a process of its own.",
    "template": "A tree of Jinja2 templates, rendered from what the agent reads.",
}
"""What each runtime is; the coding agents speak for themselves."""

_CLI_OPTIONS: Mapping[str, str] = {
    "model": "The model; without it that of the agent, else the command's own choice.",
    "permissions": "`read` looks, `edit` (the default) writes files in its folder, `all` asks nobody. See the table above.",
    "tools": "A list of the tools it may use.",
    "max_turns": "At most so many turns of the model.",
    "max_cost": "At most so many US dollars, watched by the command itself.",
    "arguments": "A list of arguments, added at the end.",
    "command": "Another executable than the one on the path.",
    "env": "A list of the NAMES of environment variables that it is given besides those above.",
}
_MODEL_OPTIONS: Mapping[str, str] = {
    "model": "The model. Required.",
    "base_url": "Where the server is; without it the vendor's own.",
    "key": "The NAME of the environment variable that holds the key. With `base_url` none is sent unless this names one.",
    "headers": "More headers: each name with the NAME of the environment variable that holds its value.",
    "temperature": "From 0 to 2.",
    "max_tokens": "At most so many tokens in the answer.",
    "strict": "The provider itself holds the model to the schema, where it can.",
    "attach": "Globs of files in its folder whose text goes along with the prompt.",
    "price": "`{input, output, cached}` in US dollars per million tokens; known for the vendors' own models.",
    "responses": "`true`: the Responses dialect (`openai` only).",
}
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "acp": {
        "command": "A list: the agent's command and its arguments. Required; `{acp: [...]}` is short for it.",
        "permissions": "What it is granted when it asks: `read`, `edit` (the default: also change files in its folder), `all`.",
        "model": "The model, where the agent lets it be chosen.",
        "env": "A list of the NAMES of environment variables it may see.",
    },
    "command": {
        "command": "A list of words, or a line for `sh`. Required; `{command: [...]}` is short for it.",
        "answer": "`files` (the default): those it writes. `json`: it prints an object of `files` (path: text), `text` and `data`.",
        "env": "A list of the NAMES of environment variables it may see, besides harmless ones.",
    },
    "python": {
        "call": 'A function, as `module:function`. Required; `{python: "module:function"}` is short for it.',
        "path": "A folder that its module is imported from.",
        "data": "Anything, handed to it.",
        "env": "A list of the NAMES of environment variables it may see.",
    },
    "template": {
        "template": "The name of a tree that ships, such as `fullstack/backend-developer`, or else a folder beside the document, "
        "such as `templates/card`; `{template: NAME}` is short for it.",
        "files": "Or the tree itself: a mapping of paths to texts; `NAME.j2` makes `NAME`.",
    },
    "canned": {
        "files": "Paths, each with its text.",
        "text": "Its words.",
        "data": "Its structured answer.",
        "seconds": "How long it takes.",
        "fail": "`message`, `heals` (may another try help?), `times` (how many tries fail; all, where it is left out).",
    },
    "openai": _MODEL_OPTIONS,
    "anthropic": {name: text for name, text in _MODEL_OPTIONS.items() if name != "responses"},
}
"""What the options of each runtime mean; those of the coding agents are `_CLI_OPTIONS`."""


def options_of(name: str) -> Mapping[str, str]:
    """Return the options of a runtime with their meaning."""
    return OPTIONS.get(name, _CLI_OPTIONS)


def runtimes() -> str:
    """Return the page on the runtimes and their options."""
    head = (
        "What answers for an agent: the `runtime` of a [Team](team.md) document, as a name (`claude`) or one name with its options "
        "(`{claude: {permissions: edit}}`). Plugins add theirs under the entry-point group `bmad_provisioner.runtimes`. "
        "How to use them: [Write a team](../guides/team.md), [Coding agents](../guides/coding-agents.md)."
    )
    known = known_runtimes()
    rows = [
        (f"`{name}`", RUNTIMES.get(name) or f"The coding agent `{name}` of the package `{one.adapter.package}`.",
         f"{one.floor.memory // 1024**2} MB" if one.floor.memory else "none", "no" if one.pure else "yes")
        for name, one in known.items()
    ]  # fmt: skip
    about = "A runtime that asks nobody outside runs while a plan is made; the others wait for `run` or `apply`."
    parts = [_table(("Runtime", "What it is", "Memory at least", "Asks outside"), rows), about]
    parts += [f"## `{name}`\n\n{_options(OPTIONS[name])}" for name in OPTIONS if name in known]
    parts.append(_coding_agents({name: one for name, one in known.items() if isinstance(one, Cli)}))
    return _page("Runtimes", head, *parts)


def _options(options: Mapping[str, str]) -> str:
    return _table(("Option", "Meaning"), [(f"`{name}`", text) for name, text in options.items()])


def _coding_agents(agents: Mapping[str, Cli]) -> str:
    titles = {"system": "a role", "tools": "`tools`", "turns": "`max_turns`", "cost": "`max_cost`", "schema": "a schema"}
    rows = []
    for name, one in agents.items():
        adapter = one.adapter
        told = [text for field, text in titles.items() if getattr(adapter, field)]
        given = ", ".join(f"`{variable}`" for variable in dict.fromkeys((*adapter.passes, adapter.base)))
        rows.append((f"`{name}`", f"`{adapter.package}`", ", ".join(told) or "nothing of it", given))
    levels = [(f"`{name}`", *(_words_of(one, level) for level in ("read", "edit", "all"))) for name, one in agents.items()]
    return "\n\n".join((
        "## Coding agents",
        "Each is its vendor's command, found on the path and run without a screen. What it cannot be told by an argument goes "
        "into the prompt (a role, a schema) or is refused as an option (`tools`, `max_turns`, `max_cost`).",
        _table(("Runtime", "Package", "Can be told", "Environment variables it is given"), rows),
        "What `permissions` come to:",
        _table(("Runtime", "`read`", "`edit`", "`all`"), levels),
        _options(_CLI_OPTIONS),
    ))  # fmt: skip


def _words_of(one: Cli, level: str) -> str:
    words = " ".join(one.adapter.permissions[level]) or one.adapter.levels.get(level, "")
    return f"`{words}`" if words else "nothing is said"


def settings() -> str:
    """Return the page on every setting."""
    head = (
        f"How runs behave in a project. `{FILE}` in the project's root holds them as TOML, one `name = value` a line. An "
        "environment variable goes before the file, a flag of `bmadp run`, `apply` or `settings` before both. `bmadp settings` "
        "shows each value and where it came from. An unknown name and a value of another form are errors, with the line."
    )
    rows = [
        (f"`{one.name}`", one.form.wanted, f"`{one.default}`" if one.default else "unset", f"`{one.variable}`",
         "none" if one.secret else f"`{one.flag}`", one.help)
        for one in SETTINGS.values()
    ]  # fmt: skip
    secret = "A secret is taken from the environment alone: files are committed, and command lines can be listed by others."
    return _page("Settings", head, _table(("Setting", "Takes", "Default", "Variable", "Flag", "Meaning"), rows), secret)


# --- passes and repairs ------------------------------------------------------------------------------------------------


def known_passes() -> Mapping[str, Pass]:
    """Return every pass that is installed here, by its name."""
    offered: Any = Plugins("bmad_provisioner.passes")
    return {name: offered[name] for name in sorted(offered)}


def passes() -> str:
    """Return the page on every pass, made of its own examples."""
    head = (
        "What `passes` of a [Code](code.md) document may name. The examples are the passes' own, and the tests run them: what "
        "stands first becomes what stands second, and what must not be touched is not. A pass changes only what it speaks of; its "
        "result compiles, and a second run changes nothing. Plugins add theirs under the entry-point group "
        "`bmad_provisioner.passes`; [Write a pass](../guides/passes.md) says how."
    )
    return _page("Passes", head, *(_pass(name, one) for name, one in known_passes().items()))


def _pass(name: str, one: Pass) -> str:
    about = " ".join((inspect.getdoc(inspect.getmodule(one.find)) or "").split("\n\n")[0].split()).partition(": ")[2]
    done = [example for example in one.examples if example.before != example.after]
    left = [example for example in one.examples if example.before == example.after]
    parts = [f"## `{name}`", f"{about[:1].upper()}{about[1:]}"]
    parts += [_became(example.before, example.after) for example in done]
    if left:
        parts.append(f"What `{name}` leaves alone:")
        parts += [f"{_reason(example)}\n\n{_fence(example.before)}" for example in left]
    return "\n\n".join(parts)


def _reason(example: Example) -> str:
    asked = ", ".join(f"`{name}: {value}`" for name, value in example.asked.items() if name == "python")
    title = f"{example.title[:1].upper()}{example.title[1:]}{f' ({asked})' if asked else ''}"
    return title if title.endswith("?") else f"{title}:"


def _became(before: str, after: str) -> str:
    return f"{_fence(before)}\n\nbecomes\n\n{_fence(after) if after else 'nothing.'}"


def _fence(text: str, language: str = "python") -> str:
    mark = "~~~~" if "```" in text else "```"
    plain = text.replace("\r\n", "\n").rstrip("\n")
    return f"{mark}{language}\n{plain}\n{mark}"


REPAIRS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "encoding": (
        "Bytes and characters: a file that says a wrong encoding or none, UTF-16, two marks, UTF-8 read as something else, and "
        "characters that only look like Python's: typographic quotes, dashes, blanks that do not break, letters that nobody sees.",
        ("def greet():\n    return \u201chello\u201d\n", "def rest(price, rebate):\n    return price \u2013 rebate\n"),
    ),
    "indentation": (
        "Lines that stand too far left or right, tabs among spaces.",
        (
            "def area(width, height):\nreturn width * height\n",
            "def area(width, height):\n    size = width * height\n      return size\n",
        ),
    ),
    "syntax": (
        "What does not compile: lost and superfluous brackets, quotes, colons, commas and words; Python 2; words of other "
        "languages; what mails, chats, pages and merges leave around code.",
        (
            "def load(path)\n    return open(path).read()\n",
            'def show(value):\n    print "value: %s" % value\n',
            "def sign(number):\n    if number < 0 {\n        return -1\n    return 1\n",
            "Here is the function:\n\n```python\ndef double(number):\n    return 2 * number\n```\n",
            "<<<<<<< HEAD\nrate = '19'\n=======\nrate = \"19\"\n>>>>>>> theirs\n",
        ),
    ),
    "imports": (
        "Names that nothing binds: the import that is lost, as the project's other files have it or as the standard library "
        "offers it; names taken from a module that has none of them.",
        ("def dump(row):\n    return json.dumps(row)\n",),
    ),
    "awaits": (
        "`await` outside of an `async` function, coroutines that nobody awaits, and plain functions that somebody does.",
        ("import asyncio\n\n\ndef main():\n    await asyncio.sleep(1)\n",),
    ),
    "signatures": (
        "Methods that lost `self`, and members that lost theirs.",
        (
            "class Shop:\n    def __init__(self, name):\n        self.name = name\n\n"
            "    def sign():\n        return self.name.upper()\n",
        ),
    ),
}
"""Each group of repairs: what belongs to it, and files that are repaired."""

REFUSED: Mapping[str, str] = {
    "Both sides of a merge may be meant.": "<<<<<<< HEAD\nrate = 19\n=======\nrate = 21\n>>>>>>> theirs\n",
    "The file was cut off: nobody knows what stood there.": "def area(width, height):\n    if width:\n",
    "Several repairs fit as well.": "x = f(a b)\n",
    "Nothing here says which name is meant.": "print(totl)\n",
}
"""Files that are left as they are, and why."""


def repaired(text: str) -> Repaired:
    """Return what becomes of a file of which the project knows nothing, with all repairs on and the default certainty."""
    sure = document.schema()["$defs"]["Code"]["properties"]["sure"]["default"]  # type: ignore[call-overload, index]
    return repair(text.encode(), knows("", ()), frozenset(REPAIRS), float(sure))  # type: ignore[arg-type]


def repairs() -> str:
    """Return the page on what is repaired: the examples are repaired as the page is made."""
    head = (
        "What `repair` of a [Code](code.md) document may name. What stands first became what stands second when this page was "
        "made. How well it does on thousands of files: [benchmarks](../benchmarks-repair.md)."
    )
    parts = []
    for group, (about, examples) in REPAIRS.items():
        shown = [_became(text, repaired(text).data.decode()) for text in examples]
        parts.append("\n\n".join((f"## `{group}`", about, *shown)))
    kept = "Doubt is told, with its line and what could be meant, and the file stays as it is."
    rows = [f"{why} What is said: {_said(text)}\n\n{_fence(text)}" for why, text in REFUSED.items()]
    parts.append("\n\n".join(("## What is refused", kept, *rows)))
    return _page("Repairs", head, *parts)


def _said(text: str) -> str:
    return "; ".join(
        dict.fromkeys(f"`{fault.message}`" if "`" not in fault.message else fault.message for fault in repaired(text).left)
    )


# --- performance -----------------------------------------------------------------------------------------------------


def performance() -> str:
    """Return the page on every field of a Performance document, on what is measured and found, and on what is written."""
    head = (
        "A document of the kind `Performance` stands in the same file as others do, by default `bmad-provisioner.yaml`. Unknown "
        "keys are errors. `bmadp init --performance` writes one that fits a project. What is told: [rules](rules.md). How to use "
        "it: [Measure, and make it faster](../guides/performance.md); how it works: [concepts](../concepts/performance.md)."
    )
    fields = (_model(name, model) for name, model in models("Performance").items())
    return _page("Performance", head, *fields, _quantities(), _metrics(), _causes(), _measurements())


UNITS: Mapping[str, tuple[str, str]] = {
    quantities.TIME: (
        "time",
        f"`200ms`, `2.5s`, `1h`, `30m` ({quantities.seconds('30m'):,.0f} s; `min` too); a number is seconds",
    ),
    quantities.SIZE: (
        "size",
        f"`200kB` ({quantities.size('200kB'):,} bytes), `512MB`, `4MiB` ({quantities.size('4MiB'):,} bytes); a number is bytes",
    ),
    quantities.RATE: ("rate", f"`50/s`, `300/min` ({quantities.rate('300/min'):g} a second), `1000/h`"),
    quantities.SHARE: ("share", f"`1%`, or a number from 0 to 1 ({quantities.share('1%'):g})"),
    quantities.FACTOR: ("multiple", "`3x`: so many times the usual rate"),
    quantities.AS_LONG: ("load", "`20/s for 60s`: a rate and a time; in `spike` a multiple: `10x for 10s`"),
}
"""What each form of a quantity is called, and how it is written."""


def _quantities() -> str:
    return "## Units\n\n" + _table(("What", "How it is written"), UNITS.values())


def _metrics() -> str:
    about = (
        "What is judged, with an interval, and the smallest change that would show here. A goal stands in `goals`; what has "
        "none gets a budget from what was measured. `metrics.txt` has them under the third name, with the labels `document` and "
        "`target`."
    )
    rows = [
        (
            f"`{one.name}`",
            one.title,
            f"`{one.exported}`",
            "yes" if one.name in GOALS else "",
            "less" if one.less_is_better else "more",
        )
        for one in METRICS.values()
    ]
    return f"## Metrics\n\n{about}\n\n" + _table(("Metric", "What it is", "In `metrics.txt`", "May be a goal", "Better"), rows)


CAUSES: Mapping[str, tuple[str, str, str]] = {
    "n-plus-one": (
        "A statement asked again for each row of another.",
        f"The witness hears {time_clues.MANY} or more statements of one shape in one request. PostgreSQL: its own counters say so.",
        "ask once for all: a join, `IN (...)`",
    ),
    "missing-index": (
        "A statement that reads a whole table for a few of its rows.",
        f"The plan of a heard statement scans {LARGE:,} rows or more, and with the index, tried on a copy, takes far fewer steps. "
        "PostgreSQL: HypoPG supposes the index, and the planner takes it.",
        "the index, as DDL",
    ),
    "superlinear": (
        "Work that grows faster than what is asked for.",
        f"Numbers and lists of a request, or arguments, are doubled: the processor's time grows by a power of {STEEP:g} or more.",
        "a set, a dict or a sort instead of a loop in a loop",
    ),
    "sequential-io": (
        "Waits one after the other that could be together.",
        f"{clue.HEAVY * 1000:.0f} ms or more of an answer are idle, and the witness sees two or more waits in a row.",
        "`asyncio.gather`, a thread pool; or ask once",
    ),
    "slow-wait": (
        "One long wait.",
        f"{time_clues.LONG * 1000:.0f} ms or more of an answer are idle, most of it in one wait.",
        "ask for less, or keep the answer",
    ),
    "slow-handler": (
        "Work of the processor, for no reason of another kind.",
        f"An answer takes {time_clues.BUSY * 1000:.0f} ms or more of the processor, a quarter of it or more in one function. "
        "Commands and functions: the function that most looks of the profile find.",
        "do less, or keep the result",
    ),
    "lock": (
        "Requests that wait for each other.",
        f"A crowd is served no more than {capacity_clues.GAIN:g} times as fast as one, while the processor is less than "
        f"{capacity_clues.IDLE:.0%} busy, and the witness sees several stand before the same line.",
        "hold it for less, or not while waiting; a pool of more than one",
    ),
    "blocking": (
        "Something that stops an event loop for everybody.",
        "As above, and the witness sees the loop's own thread wait in the line.",
        "`await` it, or use a thread",
    ),
    "leak": (
        "Memory that each request, or call, leaves behind.",
        "What is held grows in each of several windows, the last ones as well; then lines are asked for, with that request alone.",
        "let go of what no later request needs",
    ),
    "cold-cache": (
        "A first answer after a start that takes far longer than later ones.",
        f"{time_clues.COLD * 1000:.0f} ms or more longer, and {time_clues.COLD_TIMES:g} times or more as long, after two starts, "
        "doing what is not done later.",
        "fill it before the first request",
    ),
    "no-compression": (
        "Text that travels as it is.",
        "It is packed to see what that saves: 20 kB or more, and 40 % of an answer or more.",
        "have the server compress text",
    ),
    "oversized-bundle": (
        "Scripts of a page that nothing of it runs.",
        f"The browser's own coverage, after everything was clicked on: {page_clues.WASTED / 1000:.0f} kB or more travel in vain; "
        f"or a script of {page_clues.LARGE / 1e6:g} MB.",
        "split it: `import()`; leave out what nothing imports",
    ),
    "layout-shift": (
        "A page that moves under its readers.",
        f"A score of {page_clues.FELT:g} or more; told is what moves what, and how: put in late, no room kept, a font.",
        "keep its room from the start",
    ),
    "slow-interaction": (
        "A click that shows late.",
        f"Usually later than {page_clues.GOOD_INP * 1000:.0f} ms, over several loads.",
        "do less at once: pauses, a worker, only what is in sight",
    ),
    "render-blocking": (
        "A file that the first paint waits for alone.",
        "In every load it is the last that the paint waits for, by 150 ms and a fifth of the paint or more.",
        "`defer` it; the few rules of the first screen into the page",
    ),
    "large-image": (
        "An image of more pixels than are shown.",
        "50 kB or more of it show nowhere, even on screens with two pixels for each.",
        "`srcset`, WebP or AVIF",
    ),
    "no-caching": (
        "Files that travel again at the next visit.",
        "The page is opened again in the same browser: 50 kB or more come again.",
        "`Cache-Control` with a hash in their names, else an `ETag`",
    ),
    "slow-statement": (
        "A statement that a database spends much of its time on.",
        f"PostgreSQL: {telling.LARGEST:.0%} of all time or more, {clue.HEAVY * 1000:.0f} ms a call or more, and no index helps.",
        "ask less often; a materialised view, with the reads from which it pays",
    ),
    "unused-index": (
        "An index that is written and never read.",
        "PostgreSQL: nothing read it since its counters began, a day ago or more.",
        "drop it",
    ),
    "peak-memory": (
        "A line that holds much of the peak.",
        "Commands and functions, with memray: a quarter of the peak or more, and 50 MB or more.",
        "less at a time: a generator, parts, a smaller type",
    ),
}
"""Each kind of cause: what it is, how it is recognised, and its usual remedy."""


def _causes() -> str:
    about = (
        "What is looked for. What a remedy takes away of it is a belief until it was tried: what came of it is in "
        "`retrospective.md`, and counts from then on. Days are what it usually takes; `roadmap.effort` knows better, by these "
        "names. Where the line is not known, that is said."
    )
    rows = [
        (f"`{kind}`", what, how, remedy, _part(kind), f"{EFFORT.get(kind, 1.0):g}") for kind, (what, how, remedy) in CAUSES.items()
    ]
    head = ("Kind", "What it is", "How it is recognised", "Usual remedy", "Takes away", "Days")
    return f"## Causes\n\n{about}\n\n" + _table(head, rows)


def _part(kind: str) -> str:
    part = REMOVABLE[kind]
    return f"{part.value:.0%}" if part.low == part.high else f"{part.value:.0%} ({part.low:.0%} to {part.high:.0%})"


MEASUREMENTS: Mapping[str, tuple[str, str]] = {
    "report.html": ("All six phases on one page that needs nothing but itself, with its plots.", "people"),
    "report.md": ("The same, short.", "people; a pull request"),
    "requirements.md": ("Goals, and limits and promises that the project's own files state.", "people; `bmad-architecture-design`"),
    "telemetry.md": (
        "What watches the project, and what nobody would see in production.",
        "people; `bmad-observability-readiness`",
    ),
    "architecture.md": ("Frameworks, servers, routes, databases, as the files say, each with its line.", "people"),
    "baseline.md": ("What was measured, on which machine, with how much noise.", "people"),
    "baseline.json": (
        "The same as data. **Commit it**: the state that was committed with it is the one that later ones are compared with.",
        "`bmadp`; scripts",
    ),
    "bencher.json": ("Bencher Metric Format.", "Bencher"),
    "metrics.txt": ("OpenMetrics: readings and limits.", "what reads OpenMetrics"),
    "k6/TARGET-LOAD.json": ("A load as k6's `handleSummary` tells it.", "what reads k6"),
    "k6/thresholds.json": ("Budgets as thresholds of k6.", "k6"),
    "lighthouse/budgets.json": ("Budgets as Lighthouse's budgets.", "Lighthouse CI"),
    "lighthouse/lighthouserc.json": ("Budgets as assertions.", "Lighthouse CI"),
    "plots/NAME.svg": ("Response times, memory, throughput, noise, and more.", "people"),
    "profile.md": ("What costs time, capacity and bytes: kind, line, evidence, share, bound.", "people"),
    "findings.json": ("The same as data.", "scripts"),
    "profile/TARGET.speedscope.json": ("CPU profile.", "<https://www.speedscope.app>"),
    "profile/TARGET.collapsed": ("The same as collapsed stacks.", "flamegraph.pl, inferno"),
    "profile/TARGET.working.svg": ("Flame graph of what works.", "people"),
    "profile/TARGET.waiting.svg": ("Flame graph of what waits as well.", "people"),
    "budgets.json": ("Every limit, and why it is so.", "people; scripts"),
    "roadmap.md": ("What to do first: RICE, lane by lane.", "people"),
    "optimization-backlog.csv": ("The same with the columns of BMAD's optimisation backlog.", "BMAD; spreadsheets"),
    "test-plan.md": ("How each remedy will be judged, and by how many pairs, written before.", "people"),
    "handoffs/SKILL.md": ("Work for another skill or agent, with what was measured.", "the skill it is named after"),
    "impact.md": ("What the trials proved: quick wins, and the state before.", "people; reviewers"),
    "junit.xml": ("Budgets and comparisons as test cases.", "CI servers"),
    "alerts.yaml": ("Alert rules: a limit broken, a target of which nothing is heard.", "Prometheus"),
    "alerts.test.yaml": ("Their unit tests.", "`promtool test rules`"),
    "dashboard.json": ("A dashboard of readings and limits.", "Grafana"),
    "retrospective.md": ("Predicted against measured, by kind of remedy.", "people"),
    "predictions.json": ("The same as data. **Commit it**: confidence is learnt from it.", "`bmadp`"),
    "history.jsonl": ("One line a measurement. **Commit it**: trends are read from it.", "`bmadp`; scripts"),
    "trends.md": ("Lasting steps in the history, and the smallest that would show.", "people"),
    "metrics-history.txt": ("The whole history with its times, as OpenMetrics.", "`promtool tsdb create-blocks-from openmetrics`"),
    "capacity.md": ("Processors, memory and cost of another rate.", "people"),
    "pipeline.md": ("What would make the build shorter (with `pipeline`).", "people"),
    "storage.md": ("Which files could lie on cheaper storage (with `storage`).", "people"),
}
"""Each file below `performance/NAME/`: what it is, and who reads it."""


def _measurements() -> str:
    about = (
        "All are below `performance/NAME/`, made by `bmadp apply` as one transaction; what has nothing to say is not written. "
        "Quick wins that proved themselves change files of the sources, in the same transaction."
    )
    rows = [(f"`{name}`", what, who) for name, (what, who) in MEASUREMENTS.items()]
    return f"## Files\n\n{about}\n\n" + _table(("File", "What it is", "Who reads it"), rows)


# --- rules, errors, exit codes ---------------------------------------------------------------------------------------


def rule_tables() -> dict[str, Mapping[str, str]]:
    """Return every `RULES` table of the package by its module."""
    tables: dict[str, Mapping[str, str]] = {}
    for found in pkgutil.walk_packages(bmad_provisioner.__path__, "bmad_provisioner."):
        table = vars(importlib.import_module(found.name)).get("RULES") if not found.name.endswith("__main__") else None
        if isinstance(table, Mapping) and not any(table is other for other in tables.values()):
            tables[found.name] = table
    return tables


ABOUT: Mapping[str, str] = {
    "strict_yaml": "The YAML text, before anything is made of it.",
    "document": "The documents in a file.",
    "kinds.skills.rules": "The manifest, and the skills it makes.",
    "kinds.skills.doctor": "What `bmadp doctor` finds in a project.",
    "kinds.skills.legacy": "What `bmadp init --adopt` could not tell.",
    "kinds.team.rules": "A Team document, and what its agents did.",
    "kinds.code.rules": "A Code document, and its files.",
    "kinds.performance.rules": "A Performance document, and what it measures.",
    "api": "The plan.",
    "tree.journal": "What `bmadp history --verify` finds in the journal.",
    "upkeep": "What `bmadp history --verify` finds in the backups.",
}
"""What the rules of a module are about."""


def rules() -> str:
    """Return the page on every rule."""
    head = (
        "Every finding bears the id of a rule; `--json` prints it. An error stops, a warning is shown, an info is for the curious. "
        "Nothing is applied while a plan has an error."
    )
    sections = []
    for module, table in sorted(rule_tables().items(), key=lambda item: _rank(item[0])):
        name = module.removeprefix("bmad_provisioner.")
        about = ABOUT.get(name, f"Rules of `{name}`.")
        rows = [(f"`{rule}`", text) for rule, text in table.items()]
        sections.append(f"## {about.rstrip('.')}\n\n{_table(('Rule', 'What it finds or asks for'), rows)}")
    return _page("Rules", head, *sections)


def _rank(module: str) -> tuple[int, str]:
    order = list(ABOUT)
    name = module.removeprefix("bmad_provisioner.")
    return (order.index(name) if name in order else len(order), name)


def error_classes(top: type[errors.BmadpError] = errors.BmadpError) -> Iterator[type[errors.BmadpError]]:
    """Yield the error classes, each before those below it."""
    yield top
    for below in top.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from error_classes(below)


def error_tree() -> str:
    """Return the page on the errors."""
    head = (
        "Every error that you can act on is one of these. It is written to stderr as `error: ...`, with `hint: ...` on a line of "
        "its own. Anything else that goes wrong is a bug: exit code 3, with a report file."
    )
    rows = []
    for found in error_classes():
        depth = len([base for base in found.__mro__ if issubclass(base, errors.BmadpError)]) - 1
        about = " ".join((inspect.getdoc(found) or "").split())
        rows.append((f"{'&emsp;' * depth}`{found.__name__}`", str(found.exit_code), about))
    return _page("Errors", head, _table(("Error", "Exit code", "Meaning"), rows))


CODES: Mapping[str, tuple[str, str]] = {
    "CLEAN": ("It did what was asked; for `validate`, `doctor` and `history --verify`: nothing was found.", "all"),
    "FAILED": (
        "It failed, or the question was answered with no, and nothing was changed; or errors were found; or the project is not as "
        "the manifest says.",
        "all",
    ),
    "USAGE": ("The command line or the manifest is wrong, or there was nobody to ask.", "all"),
    "BUG": ("A bug in bmadp. The message names a report file.", "all"),
    "PENDING": ("Changes are pending.", "`analyze --exit-code`"),
    "DRIFT": ("Files were edited here (and none is in conflict).", "`analyze --exit-code`"),
    "CONFLICT": ("Somebody has to choose between two sides.", "`analyze --exit-code`"),
    "INTERRUPTED": ("Ctrl-C or SIGTERM in the midst of work. Nothing is half done, and what agents have done is kept.", "all"),
}
"""What each exit code of `cli.tell` means, and which verbs give it."""

_VERB_CODES = """\
| Verb | 0 | 1 |
| --- | --- | --- |
| `validate` | nothing to do, no errors | changes or conflicts are pending, or there are errors |
| `analyze` | planned, whatever it found | the plan has errors; with `--exit-code`: a Python file is left broken |
| `diff` | printed | |
| `apply`, `heal`, `restore` | done and durable; or nothing to do | refused: errors, a conflict, a plan overtaken, the disk |
| `analyze`, `apply` with `--watch` | ended while it waited | (130: ended in the midst of a run) |
| `run` | every agent is done or cached | an agent failed, or there are errors |
| `doctor` | nothing but infos | warnings or errors |
| `history --verify` | the journal is whole | it is damaged |
| `why` | answered | neither a path nor a task |"""


def exit_codes() -> str:
    """Return the page on the exit codes."""
    rows = [(str(getattr(tell, name)), meaning, who) for name, (meaning, who) in CODES.items()]
    highest = "With `analyze --exit-code` the highest of 4, 5 and 6 wins. An error in the plan exits with 1 all the same."
    return _page("Exit codes", _table(("Code", "Meaning", "Verbs"), rows), highest, _VERB_CODES)


# --- files -----------------------------------------------------------------------------------------------------------

FILES: Mapping[str, tuple[str, str]] = {
    ".gitignore": ("Keeps all of this out of git.", "yes"),
    "lock": (
        "Held by the run that writes; the kernel lets go of it when that run ends. Its text is for messages only.",
        "yes",
    ),
    "index.json": (
        "What each file held when it was last read, and the last plan that had nothing to do or nobody to ask.",
        "yes: one run is slower",
    ),
    "recorded.json": ("What the receipts add up to, so that they need not all be read.", "no: it also shows a shortened journal"),
    "blobs.db": (
        "SQLite: backups, bases of merges, cached outputs, each under its digest, what is longer than 1 MiB in parts; what agents "
        "took; circuit breakers.",
        "no: backups, merges and paid results are gone",
    ),
    "blobs.db-wal": ("SQLite's own, while the file is open.", "no"),
    "blobs.db-shm": ("SQLite's own, while the file is open.", "no"),
    "journal": (
        "One receipt a transaction, `NUMBER-DIGEST.json`; each names the one before.",
        "no: history and undo are gone",
    ),
    "performance.jsonl": (
        "With `performance_logging`: how long each step and agent took, one JSON object a line. Beyond 8 MiB it becomes "
        "`performance.jsonl.1`, in place of the one before.",
        "yes",
    ),
    "txn": ("The transaction that is being written; empty otherwise.", "no: an interrupted run could not be finished"),
}
"""What may stand in the state folder, what for, and whether it may be deleted."""


def files() -> str:
    """Return the page on the state folder."""
    state = project.STATE
    head = (
        f"`{state}/` in the project's root holds what bmadp remembers of a project. It belongs to one checkout: do not commit it. "
        "It is made by the first verb that looks at the project. Where it cannot be written, it is only read."
    )
    rows = [(f"`{state}/{name}`", what, gone) for name, (what, gone) in FILES.items()]
    receipt = """\
## A receipt

A receipt is one line of JSON with sorted keys: `number`, `previous` (the digest of the receipt before), `verb`, `who`, `when`,
`document`, `changes` (path, gap, before, after, wanted, reason), `records` (what is recorded anew for each path), `folders` (made
by it), `modes` (permission bits of files it removed), `undoes` (the number of the receipt it takes back), and `context` (the
manifest's digest and path). Its file is named after its number and the SHA-256 of its bytes. It keeps the name of the user who ran
the verb.

## A transaction

`txn/ID.tmp` is being prepared: nothing has happened yet. `txn/ID` is committed and will be carried through. `txn/ID.abort` is being
taken back. `txn/ID.done` is rubbish. The next verb that writes deals with whatever it finds there before anything else;
[transactions](../concepts/transaction.md) says how.

## The performance log

Each line of `performance.jsonl` has `at` (seconds since 1970), `process`, `event` and `name`; a `step` (`observe`, `compile`,
`run`, `compare`, `commit`, ...) also `seconds`; a `task` that ran `action`, `status`, `lane` and `seconds`; a `retry` the `number`
of the next try, how long it `waits`, and the `reason`. A `warning` has its text as its name. A file that cannot be written stops
nothing.

## Outside the folder

`bmadp init --adopt` makes `skills/` and `adopted/` beside the manifest. A bug leaves a report, `bmadp-report-*.txt`, in the
system's folder for temporary files."""
    return _page("Files", head, _table(("File", "What it is", "May be deleted"), rows), receipt)


# --- writing ---------------------------------------------------------------------------------------------------------


def stale() -> list[str]:
    """Return the pages that are not as the code says."""
    made = pages()
    known = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*") if path.is_file()}
    return sorted(name for name in {*made, *known} if made.get(name) != known.get(name))


def main() -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a page is not current")
    names = stale()
    if parser.parse_args().check:
        for name in names:
            print(f"error: docs/reference/{name} is not current\nhint: `make docs` writes it anew", file=sys.stderr)
        return 1 if names else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in pages():
            (FOLDER / name).write_text(pages()[name], encoding="utf-8")
        print(f"{'wrote' if name in pages() else 'error: nobody makes'} docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
