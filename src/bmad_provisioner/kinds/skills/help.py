"""Help rows: the entries by which BMAD's own help finds our skills.

BMAD merges every `_bmad/<code>/module-help.csv` into `_bmad/_config/bmad-help.csv` on each run. It reads line by line
and by position, so a field never holds a line break.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

from bmad_provisioner.kinds.skills.installation import Installation

# fmt: off
COLUMNS = (
    "module", "skill", "display-name", "menu-code", "description", "action", "args", "phase", "preceded-by", "followed-by",
    "required", "output-location", "outputs",
)
# fmt: on
"""The columns since 6.3 (6.3 to 6.5 call two of them `after` and `before`, and read none of the names)."""

# fmt: off
COLUMNS_BEFORE_6_3 = (
    "module", "phase", "name", "code", "sequence", "workflow-file", "command", "required", "agent", "options", "description",
    "output-location", "outputs",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class HelpRow:
    """One entry of BMAD's help; `preceded_by` and `followed_by` name skills, `phase` is what the installed BMAD calls it."""

    skill: str
    display_name: str
    menu_code: str
    description: str
    phase: str
    preceded_by: str = ""
    followed_by: str = ""


def help_csv(code: str, rows: Sequence[HelpRow], installation: Installation) -> bytes:
    """Return the `module-help.csv` of module `code` in the columns that the installed BMAD reads."""
    old = (6, 0) <= installation.release < (6, 3)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS_BEFORE_6_3 if old else COLUMNS)
    for number, row in enumerate(rows, 1):
        fields = _old(code, row, number) if old else _new(code, row)
        writer.writerow([" ".join(field.split()) for field in fields])
    return text.getvalue().encode()


def _new(code: str, row: HelpRow) -> tuple[str, ...]:
    names = (row.skill, row.display_name, row.menu_code, row.description)
    return (code, *names, "", "", row.phase, row.preceded_by, row.followed_by, "false", "", "")


def _old(code: str, row: HelpRow, number: int) -> tuple[str, ...]:
    place = (row.phase, row.display_name, row.menu_code, str(number * 10), f"skill:{row.skill}", row.skill)
    return (code, *place, "false", "", "", row.description, "", "")
