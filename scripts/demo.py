"""The main job on a real project: gap, apply, validate, a BMAD update, heal, undo; then a team, code, performance: `make demo`.

The project is made in `.demo/` by BMAD's own installer from npm. Where Node.js 20 is missing, a small sample project
that ships in `examples/` stands in for it, and BMAD's update is left out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
DEMO = HERE / ".demo"
PROJECT = DEMO / "project"
TEAM = DEMO / "team"
CODE = DEMO / "bookshop"
SHOP = DEMO / "shop"
BMAD = "6.12.0"


def main() -> int:
    """Walk through it, printing every command as one would type it."""
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir()
    real = node_is_there()
    if real:
        PROJECT.mkdir()
        say(f"A project made by BMAD's own installer, version {BMAD} (npm may take a moment)")
        bmad("--modules", "bmm", "--tools", "claude-code,cursor")
    else:
        say("Node.js 20 is not here: a small sample project stands in for one that BMAD made")
        shutil.copytree(HERE / "examples/sample-project", PROJECT)
    shutil.copy(HERE / "src/bmad_provisioner/kinds/skills/samples/health-platform.yaml", PROJECT / "bmad-provisioner.yaml")
    walk(real=real)
    walk_team()
    walk_code()
    walk_performance()
    say(f"Done. Look around in {PROJECT.relative_to(Path.cwd()) if PROJECT.is_relative_to(Path.cwd()) else PROJECT}")
    return 0


def walk(*, real: bool) -> None:
    """Run the verbs in the order in which a newcomer meets them."""
    say("1. What is the gap between the manifest and the project?")
    bmadp("analyze")
    say("2. Close it: one transaction")
    bmadp("apply", "--yes")
    bmadp("apply", "--yes")
    say("3. Is all as it should be?")
    bmadp("validate")
    if real:
        say("4. A colleague keeps a skill the old way, below `_bmad/`. Is anything in danger?")
        old_way = PROJECT / "_bmad/custom-skills/release-notes/SKILL.md"
        old_way.parent.mkdir(parents=True)
        old_way.write_text(
            "---\nname: release-notes\ndescription: Writes release notes. Use when a release is cut.\n---\n\n# Notes\n"
        )
        bmadp("doctor", expect=1)
        say("5. BMAD updates itself, twice. What did it take away?")
        for _ in range(2):
            bmad("--action", "update", "--modules", "bmm", "--tools", "claude-code,cursor")
        print(f"  {old_way.relative_to(PROJECT)}: {'still there' if old_way.exists() else 'gone, as doctor said'}\n", flush=True)
        bmadp("heal", "--yes")
    say("6. Somebody deletes one skill and edits another. What was lost is put back, what was edited stays")
    shutil.rmtree(PROJECT / ".claude/skills/dev-leader")
    with open(PROJECT / ".claude/skills/qa-leader/SKILL.md", "a", encoding="utf-8") as file:
        file.write("\nAsk the team before a release on a Friday.\n")
    bmadp("analyze")
    bmadp("heal", "--yes")
    say("7. And all of it can be taken back, but for the file edited by hand")
    bmadp("history")
    bmadp("restore", "1", "--ours", ".claude/skills/qa-leader/SKILL.md", "--yes")
    bmadp("history", "--verify")


def walk_team() -> None:
    """Have a team of agents make an application, change what is asked, and see who works again."""
    TEAM.mkdir()
    say("8. Eight agents make a small web application of a request, without any model: first what they would do")
    bmadp("init", "--team", "fullstack", within=TEAM)
    bmadp("analyze", within=TEAM)
    bmadp("apply", "--yes", within=TEAM)
    print("$ python3 -m unittest discover -s tests", flush=True)
    subprocess.run([sys.executable, "-m", "unittest", "discover", "-s", "tests"], cwd=TEAM, check=True)
    say("9. Nothing changed: nobody works again")
    bmadp("run", "--yes", within=TEAM)
    say("10. Another accent colour is asked for: who works again, and why?")
    request = TEAM / "request.md"
    request.write_text(request.read_text(encoding="utf-8").replace("accent teal", "accent crimson"), encoding="utf-8")
    bmadp("run", "--yes", within=TEAM)
    bmadp("why", "frontend-developer", within=TEAM)
    bmadp("apply", "--yes", within=TEAM)


def walk_code() -> None:
    """Mend a broken package, see its tests pass, and take it back."""
    CODE.mkdir()
    # Its verification runs pytest, which is here for our own tests.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    say("11. Somebody left a small package broken, in seven places of five files: what would be done about it?")
    bmadp("init", "--code", within=CODE)
    bmadp("analyze", within=CODE)
    bmadp("diff", "bookshop/suppliers.py", within=CODE)
    say("12. Do it: what would break a test is taken back")
    bmadp("apply", "--yes", within=CODE)
    print("$ python3 -m unittest discover -s tests", flush=True)
    subprocess.run([sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests"], cwd=CODE, check=True)
    say("13. And take it back, byte for byte")
    bmadp("restore", "--yes", within=CODE)


def walk_performance() -> None:
    """Measure a slow shop in a hurry, have one thing remedied and proven, and look whether it keeps its speed."""
    SHOP.mkdir()
    say("14. A shop that is slower than it has to be: measure it (a minute or two), say why, and make what is safe")
    bmadp("init", "--performance", "--quick", within=SHOP)
    bmadp("apply", "--yes", within=SHOP)
    print(f"  the report: {(SHOP / 'performance/shop/report.html').relative_to(HERE)}\n", flush=True)


def node_is_there() -> bool:
    """Say whether BMAD's installer can run here."""
    if not (shutil.which("node") and shutil.which("npx")):
        return False
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    return version.lstrip("v").partition(".")[0].isdigit() and int(version.lstrip("v").partition(".")[0]) >= 20


def bmad(*arguments: str) -> None:
    """Run BMAD's installer on the project, in a home of its own."""
    command = ["npx", "-y", f"bmad-method@{BMAD}", "install", "--directory", ".", *arguments, "--yes"]
    print(f"$ {' '.join(command)}", flush=True)
    start = time.monotonic()
    npmrc = os.environ.get("NPM_CONFIG_USERCONFIG") or str(Path.home() / ".npmrc")
    environment = {
        **os.environ,
        "HOME": str(DEMO / "home"),
        "NPM_CONFIG_USERCONFIG": npmrc,
        "npm_config_cache": str(HERE / ".cache/npm"),
    }
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        sys.exit(f"BMAD's installer failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    print(f"  (BMAD worked {time.monotonic() - start:.1f} s)\n", flush=True)


def bmadp(*arguments: str, expect: int = 0, within: Path = PROJECT) -> None:
    """Run the product in a folder; `expect` is the exit code it should have."""
    print(f"$ bmadp {' '.join(arguments)}", flush=True)
    done = subprocess.run([Path(sys.executable).parent / "bmadp", *arguments], cwd=within, check=False)
    if done.returncode != expect:
        sys.exit(f"`bmadp {arguments[0]}` ended with {done.returncode}")
    print(flush=True)


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n== {text}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
