"""The verb settings: every setting, its value here, and where that comes from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from bmad_provisioner import project
from bmad_provisioner.cli.options import setting_options, settings_of
from bmad_provisioner.cli.tell import CLEAN, out, out_json
from bmad_provisioner.settings import SETTINGS, load


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--project", "folder", type=click.Path(path_type=Path), help="The project's folder (default: this one).")
@setting_options
def settings(as_json: bool, folder: Path | None, **flags: object) -> int:
    """Show each setting's value, and where it came from: the file `bmad-provisioner.toml`, the environment, or a flag."""
    rows = load(project.find(folder or Path.cwd()).root, os.environ, settings_of(flags)).sources()
    if as_json:
        out_json([{"name": row.name, "value": row.shown, "source": row.source, "help": SETTINGS[row.name].help} for row in rows])
        return CLEAN
    width = max(len(row.name) for row in rows)
    for row in rows:
        out(f"{row.name:<{width}}  {row.shown or '-':<12}  {row.source:<28}  {SETTINGS[row.name].help}")
    return CLEAN
