"""Compile: a team to the graph of its turns. An agent's key is made of what it reads, section by section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bmad_provisioner import strict_yaml
from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.policy import Policy
from bmad_provisioner.engine.task import Keeping, Task
from bmad_provisioner.errors import DocumentError, PlanError, UsageError
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Demands, Document, Sight
from bmad_provisioner.kinds.team import request as requests
from bmad_provisioner.kinds.team.making import Makers
from bmad_provisioner.kinds.team.reading import Reading, is_file, is_read, may_idle, nothings, reading, template_tree
from bmad_provisioner.kinds.team.request import Item, Requirements
from bmad_provisioner.kinds.team.rounds import reviewed
from bmad_provisioner.kinds.team.route import Specialist, route
from bmad_provisioner.kinds.team.runtime import Runtime
from bmad_provisioner.kinds.team.select import IDLE, REQUEST
from bmad_provisioner.kinds.team.team import Agent, Team, team
from bmad_provisioner.kinds.team.turn import ASK, HANDED_ON, MAKE, ORDER, REQUIREMENT, RUNTIMES
from bmad_provisioner.patterns import is_pattern, meet
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.remarks import Remarks
from bmad_provisioner.tree.model import BESIDE, Scope
from bmad_provisioner.usage import Usage

SKILL_FOLDERS = (".claude/skills", ".agents/skills", ".cursor/skills", ".opencode/skills", ".gemini/skills", ".qwen/skills")
"""Where an agent's `skill` may stand in a project, the first that has it first."""
TELLS = "what is asked"
"""The name of the task that tells what is asked: no agent can be called that."""


def scope(document: Document) -> Scope:
    """Return what has to be seen: the request, template trees, skills, and what agents read of the project."""
    declared = team(document.data)
    agents, makers = declared.agents.values(), Makers.of(declared)
    read = [
        read.path
        for agent in agents
        for read in agent.reads
        if read.path and (is_pattern(read.path) or not makers.of_path(read.path, besides=agent.name))
    ]
    read += [path for agent in agents if may_idle(agent, declared) for path in agent.makes if is_read(path, agent, declared)]
    skills = [path for agent in agents if agent.skill for path in _skill_paths(agent.skill)]
    folders = {path: _folder(path) for path in read if is_pattern(path)}
    files = {path for path in (*read, *skills) if not is_pattern(path)}
    beside = {tree for agent in agents if (tree := template_tree(agent))} | set(filter(None, [declared.request.file]))
    wide = sorted(path for path, folder in folders.items() if not folder)
    return Scope(tuple(sorted(files)), tuple(sorted({*folders.values()} - {""})), tuple(sorted(beside)), tuple(wide))


def _folder(pattern: str) -> str:
    """Return the folder that everything fitting `pattern` lies in; empty for the project itself, which is searched with care."""
    steps: list[str] = []
    for step in pattern.split("/")[:-1]:
        if is_pattern(step):
            break
        steps.append(step)
    return "/".join(steps)


def _skill_paths(skill: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{skill}/SKILL.md" for folder in SKILL_FOLDERS)


def demands(document: Document) -> Demands:
    """Return how much room, patience and money the document gives its run."""
    declared = team(document.data)
    budget, breaker = declared.budget, declared.policy.breaker
    return Demands(
        profile=declared.profile.name,
        slots=declared.profile.slots,
        each=declared.profile.each,
        failures=breaker.failures,
        cool_off=breaker.cool_off,
        sequential=declared.policy.sequential,
        cost=budget.cost,
        tokens=budget.tokens,
        seconds=None if budget.minutes is None else budget.minutes * 60,
    )


def compile(document: Document, sight: Sight) -> tuple[Graph, tuple[Finding, ...]]:
    """Return the graph of the team, and what only the project could show to be wrong."""
    return _Compiler(document, team(document.data), sight).graph()


@dataclass(slots=True)
class _Compiler:
    """One document on its way to a graph."""

    document: Document
    team: Team
    sight: Sight

    def graph(self) -> tuple[Graph, tuple[Finding, ...]]:
        asked = self._asked()
        chosen, remarks = self._chosen(asked)
        makers = Makers.of(self.team)
        tasks: dict[str, Task] = {}
        findings = list(remarks)
        for agent in self.team.agents.values():
            if agent.name not in chosen:
                tasks[agent.name] = self._idle(agent)
                continue
            read = reading(agent, makers, self.sight)
            tasks.update((task.name, task) for task in read.tasks)
            tasks[agent.name], faults = self._turn(agent, asked, read, makers.handed_on(agent, chosen))
            findings += [*faults, *nothings(self.say, agent, makers, self.sight)]
        errors = [finding for finding in findings if finding.severity is Severity.ERROR]
        if errors:
            hint = "correct what they read, or put it where they look for it"
            raise PlanError("agents read what is not there; nobody was asked", hint=hint, findings=errors)
        tasks = reviewed(tasks, [agent for agent in self.team.agents.values() if agent.name in chosen])
        request = Task(TELLS, REQUEST, {f"{REQUIREMENT}{path}": text for path, text in asked.texts().items()})
        return Graph([request, *tasks.values()]), tuple(findings)

    @property
    def say(self) -> Remarks:
        return Remarks(self.document)

    def _idle(self, agent: Agent) -> Task:
        """Return the task of an agent that is not asked: it hands on what others read of what it made before."""
        made = [path for path in agent.makes if is_read(path, agent, self.team)] if may_idle(agent, self.team) else []
        stands = [path for path in self.sight.tree if is_file(self.sight, path) and any(meet(path, each) for each in made)]
        return Task(agent.name, IDLE, {"agent": agent.name, "makes": list(agent.makes)}, reads=tuple(sorted(stands)))

    def _asked(self) -> Requirements:
        """Return the requirements; raises PlanError when the file of the request is not there or no UTF-8."""
        request = self.team.request
        if not request.file:
            return requests.from_tree(request.tree) if request.tree else requests.parse(request.text)
        path = f"{BESIDE}{request.file}"
        entry = self.sight.entry(path)
        where = f"{self.document.source}:{self.document.line('request')}: request.file"
        if entry is None or not entry.is_plain:
            raise PlanError(f"{where}: `{request.file}` is not there", hint="the path is relative to the manifest")
        try:
            text = self.sight.read(path).decode("utf-8")
            if path.endswith((".yaml", ".yml")):
                return self._tree(text, request.file)
            return requests.parse(text)
        except UnicodeDecodeError as error:
            raise PlanError(f"{where}: `{request.file}` is no UTF-8: byte {error.start}", hint="save it as UTF-8") from error

    def _tree(self, text: str, source: str) -> Requirements:
        """Return the requirements of a YAML file; raises DocumentError with what is wrong in it."""
        stream = strict_yaml.parse(text.encode(), source)
        errors = [finding for finding in stream.findings if finding.severity is Severity.ERROR]
        data = stream.parts[0].data if len(stream.parts) == 1 else None
        if errors or not isinstance(data, Mapping):
            raise DocumentError(f"`{source}` is no tree of requirements", hint="one mapping of keys to values", findings=errors)
        return requests.from_tree(data)

    def _chosen(self, asked: Requirements) -> tuple[set[str], list[Finding]]:
        """Return the agents that run: with a leader that routes, those the request belongs to, and all they need."""
        agents, leader = self.team.agents, self.team.leader
        able = [Specialist(agent.name, agent.domain, agent.skills) for agent in agents.values() if agent.domain or agent.skills]
        if leader is None or not leader.by_domain or not able:
            return set(agents), []
        choices = route(" ".join(f"{item.text}." for item in asked.items), able)
        if not choices:
            hint = "say in `domain` and `skills` what they can do, or set `leader.routes: all`"
            message = "the request belongs to none of the specialists: nobody is asked"
            return set(), [Finding(leader.name, "team-nobody", message, Severity.WARNING, hint=hint)]
        unrouted = {name for name, agent in agents.items() if not (agent.domain or agent.skills)}
        told = [f"`{one.name}` is asked, for: {', '.join(one.words[:5])} (score {one.score:g})" for one in choices]
        remarks = [Finding(leader.name, "team-routed", message, Severity.INFO) for message in told]
        return _with_needs({one.name for one in choices}, agents) | unrouted, remarks

    def _turn(self, agent: Agent, asked: Requirements, read: Reading, on: tuple[str, ...]) -> tuple[Task, list[Finding]]:
        runtime: Runtime = Plugins(RUNTIMES)[agent.runtime]
        items, faults = self._items(agent, asked)
        system, missing = self._skill(agent)
        tree, wrong = self._tree_of(agent, runtime)
        pure = runtime.pure and not agent.check
        # The texts of a template tree are read and keyed one by one: its version tells only what renders them.
        version = runtime.version({"files": dict.fromkeys(tree, "")} if tree else agent.options)
        if version == "absent" and not wrong:
            missing.append(self._absent(agent))
        keeping = agent.keeping or Keeping(level="never")
        task = Task(
            name=agent.name,
            action=MAKE if pure else ASK,
            args={
                **self._args(agent, version, system, items, is_template=runtime.name == "template"),
                **({HANDED_ON: list(on)} if on else {}),
            },
            reads=(*read.paths, *tree),
            needs=tuple(task.name for task in read.tasks),
            after=tuple(need for need in agent.needs if need not in read.heard),
            priority=agent.priority,
            resources=agent.resources,
            floor=runtime.floor,
            policy=self._policy(agent),
            effect=agent.effect,
            keeping=replace(keeping, tags=(f"team:{self.team.name}", f"agent:{agent.name}", *keeping.tags)),
            guard="" if runtime.pure else runtime.endpoint(agent.options),
            expected=Usage(read=agent.expected.tokens, cost=agent.expected.cost),
        )
        return task, [*faults, *missing, *wrong]

    def _tree_of(self, agent: Agent, runtime: Runtime) -> tuple[tuple[str, ...], list[Finding]]:
        """Return the files of the agent's template tree that lies beside the document, if it has one."""
        folder = template_tree(agent)
        if not folder:
            return (), []
        found = [path for path, entry in self.sight.tree.items() if path.startswith(f"{BESIDE}{folder}/") and entry.is_plain]
        if found:
            return tuple(sorted(found)), []
        hint = f"a template of your own is a folder `{folder}` beside the document, with the files it makes"
        place = ("agents", agent.name, "runtime", agent.runtime)
        return (), [self.say.error("team-runtime", place, message, hint) for message in runtime.check(agent.options)]

    def _policy(self, agent: Agent) -> Policy:
        base = 1.0 if self.team.policy.exponential else 0.0
        return Policy(agent.retries, base, timeout=agent.timeout, adaptive=agent.timeout is None)

    def _args(self, agent: Agent, version: str, system: str, items: Iterable[Item], *, is_template: bool) -> Mapping[str, Plain]:
        """Return what decides a turn besides what it reads; what is empty is left out, so that it changes no key."""
        args: dict[str, Plain] = {
            "team": self.team.name if is_template else "",
            "agent": agent.name,
            "runtime": agent.runtime,
            "runtime version": version,
            "options": {**agent.options, "env": list(agent.env)} if agent.env else agent.options,
            "model": agent.model,
            "prompt": agent.prompt,
            "system": system,
            "makes": list(agent.makes),
            "amends": list(agent.amends),
            "check": agent.check,
            "schema": agent.schema,
            "declared version": agent.version,
            "context": is_template,
            "goes on": agent.goes_on,
            "tree": template_tree(agent),
        }
        kept: dict[str, Plain] = {name: value for name, value in args.items() if value}
        texts = Requirements(tuple(items)).texts()
        if list(texts) != sorted(texts):  # what is sorted needs no word about its order
            kept[ORDER] = list(texts)
        return kept | {f"{REQUIREMENT}{path}": text for path, text in texts.items()}

    def _items(self, agent: Agent, asked: Requirements) -> tuple[list[Item], list[Finding]]:
        items: dict[Item, None] = {}
        left_out: set[Item] = set()
        faults = []
        for number, read in enumerate(agent.reads):
            if read.path:
                continue
            try:
                found = requests.select(asked, read.selector)
            except UsageError as error:
                place = ("agents", agent.name, "reads", number)
                faults += [] if read.optional else [self.say.error("team-request", place, error.message, error.hint)]
                continue
            if read.left_out:
                left_out |= set(found)
            else:
                items |= dict.fromkeys(found)
        return [item for item in items if item not in left_out], faults

    def _skill(self, agent: Agent) -> tuple[str, list[Finding]]:
        if not agent.skill:
            return "", []
        for path in _skill_paths(agent.skill):
            entry = self.sight.entry(path)
            if entry is not None and entry.is_plain:
                return self.sight.read(path).decode("utf-8", "replace"), []
        hint = f"it is looked for in {', '.join(SKILL_FOLDERS)}; `bmadp apply` of a Skills document makes it"
        message = f"skill `{agent.skill}` is not in the project: `{agent.name}` goes without"
        return "", [self.say.warning("team-skill", ("agents", agent.name, "skill"), message, hint)]

    def _absent(self, agent: Agent) -> Finding:
        message = f"what answers for `{agent.name}` (`{agent.runtime}`) is not installed here"
        hint = "install it, or give the agent another `runtime`; what is cached is used all the same"
        return self.say.warning("team-absent", ("agents", agent.name, "runtime"), message, hint)


def _with_needs(names: set[str], agents: Mapping[str, Agent]) -> set[str]:
    """Return agents and all whom they need, at first or second hand."""
    waiting, found = list(names), set(names)
    while waiting:
        new = [need for need in agents[waiting.pop()].needs if need not in found]
        waiting += new
        found |= set(new)
    return found
