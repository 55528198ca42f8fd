"""A request's items are named by what they say: an edit is seen by those who read it, and by nobody else."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.team.request import from_tree, parse, select, spelled

REQUEST = """\
# A todo application

For small teams.

## UI
- theme: dark
- **Langue** : français
- REQ-7: The user can sign in
  with e-mail
  - [NFR-2] within two seconds
  - Fields:
    - name: text
- [ ] Works well offline

### REQ-9 Sign out
One click.

## 2. Données
| FR1 | tasks are kept |
|-----|----------------|

```sql
create  table task
```
"""


@pytest.mark.parametrize(
    ("selector", "items"),
    [
        ("requirements.ui.theme", [("ui.theme", "", "dark")]),
        ("requirements.UI.Thème", [("ui.theme", "", "dark")]),
        ("requirements.ui.langue", [("ui.langue", "", "français")]),
        (
            "requirements.REQ-7",
            [
                ("ui.req-7", "REQ-7", "The user can sign in with e-mail"),
                ("ui.req-7.nfr-2", "NFR-2", "within two seconds"),
                ("ui.req-7.fields.name", "", "text"),
            ],
        ),
        ("requirements.nfr-2", [("ui.req-7.nfr-2", "NFR-2", "within two seconds")]),
        ("requirements.REQ-9", [("ui.req-9", "REQ-9", "Sign out"), ("ui.req-9.one-click", "", "One click.")]),
        (
            "requirements.donnees",
            [("donnees.fr1", "FR1", "tasks are kept"), ("donnees.sql-create-table-task", "", "```sql\ncreate  table task\n```")],
        ),
        ("requirements.for-small-teams", [("for-small-teams", "", "For small teams.")]),
        ("requirements.ui.works-well-offline", [("ui.works-well-offline", "", "Works well offline")]),
    ],
)
def test_a_selector_takes_what_it_names_and_all_below_it(selector: str, items: list[tuple[str, str, str]]) -> None:
    assert [(item.path, item.id, item.text) for item in select(parse(REQUEST), selector)] == items


def test_each_item_knows_its_line() -> None:
    assert {item.path: item.line for item in parse(REQUEST).items}["ui.req-7.nfr-2"] == 10


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("requirements.uii", "`requirements.ui`"),
        ("requirements.REQ-8", "`requirements.REQ-"),
        ("requirements.zzzzzz", "there are `requirements.for-small-teams`, `requirements.donnees`, `requirements.ui`"),
        ("requirements.", "there are"),
        ("ui", "`requirements"),
        ("requirements.u", "`requirements.ui`"),
    ],
)
def test_a_selector_that_names_nothing_is_an_error_with_a_guess(selector: str, hint: str) -> None:
    with pytest.raises(UsageError, match="no requirement is named") as raised:
        select(parse(REQUEST), selector)
    assert hint in raised.value.hint


def test_a_tree_says_the_same_as_markdown() -> None:
    tree = {
        "For small teams": None,
        "UI": {"theme": "dark", "Langue": "français", "offline": True},
        "entities": [
            {"name": "Task", "fields": ["title: text", "done: bool"]},
            {"id": "REQ-7", "text": "Users  sign in", "rank": 1},
            "Everybody sees everything",
        ],
    }
    items = {(item.path, item.id, item.text) for item in from_tree(tree).items}
    assert items == {
        ("for-small-teams", "", ""),
        ("ui.theme", "", "dark"),
        ("ui.langue", "", "français"),
        ("ui.offline", "", "true"),
        ("entities.task.name", "", "Task"),
        ("entities.task.fields.title", "", "text"),
        ("entities.task.fields.done", "", "bool"),
        ("entities.req-7", "REQ-7", "Users sign in"),
        ("entities.req-7.rank", "", "1"),
        ("entities.everybody-sees-everything", "", "Everybody sees everything"),
    }
    markdown = "## UI\n- theme: dark\n- Langue: français\n- offline: true\n"
    assert set(parse(markdown).items) == set(select(from_tree(tree), "requirements.ui"))


def test_the_order_of_a_mapping_does_not_matter() -> None:
    assert from_tree({"a": {"x": "1", "y": "2"}, "b": "3"}) == from_tree({"b": "3", "a": {"y": "2", "x": "1"}})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# A todo", "# Another"),
        ("## 2. Données\n", "## 3. Donnees ##\n"),
        ("## UI\n", "UI\n--\n"),
        ("- theme: dark\n", "* theme:   dark\n"),
        ("  with e-mail\n", "with\ne-mail\n"),
        ("    - name: text\n", "\t- name: text\n"),
        ("- [ ] Works", "- [x] Works"),
        ("## UI\n", "## UI\n<!-- nobody sees this\n# nor this -->\n"),
        ("# A todo", "---\nsteps: [1, 2]\n---\n# A todo"),
        ("\n", "\r\n"),
    ],
)
def test_formatting_changes_nothing(before: str, after: str) -> None:
    assert before in REQUEST
    assert parse(REQUEST.replace(before, after)) == parse(REQUEST)


@pytest.mark.parametrize(
    ("before", "after"),
    [("dark", "light"), ("create  table", "create table"), ("REQ-7", "REQ-70"), ("text", "Text"), ("## UI", "## UX")],
)
def test_meaning_changes_something(before: str, after: str) -> None:
    assert parse(REQUEST.replace(before, after)) != parse(REQUEST)


def test_two_sections_of_one_name_are_one_section_said_in_two_places() -> None:
    apart = parse("## Notes\n- one here\n\n## UI\n- theme: dark\n\n## Notes\n- two there\n")
    together = parse("## Notes\n- one here\n- two there\n## UI\n- theme: dark\n")
    assert apart == together


def test_items_may_share_a_name_and_are_told_apart_by_nobody() -> None:
    request = parse("- the user can see a list of tasks\n- the user can see a list of users\n")
    assert len({item.path for item in request.items}) == 1
    assert list(request.texts().values()) == ["the user can see a list of tasks\nthe user can see a list of users"]


def test_items_are_spelled_as_a_list() -> None:
    request = parse("## UI\n- theme: dark\n- REQ-1: sign in\n- Works well offline\n\n```\na\n  b\n```\n\nBye\n")
    assert spelled(request.items) == textwrap.dedent("""\
        - ui.theme: dark
        - ui.req-1: [REQ-1] sign in
        - ui: Works well offline
        - ui:
          ```
          a
            b
          ```
        - ui: Bye
        """)


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "\x00",
        "- " * 400_000,
        "- a\n" * 100_000,
        "> " * 400_000,
        "*" * 900_000,
        "_ " * 400_000 + "x",
        "A-" * 400_000,
        "| a" * 300_000,
        "# a" + " \t" * 400_000 + "b",
        "1." * 400_000,
        "#\n" * 100_000,
        "<!--" * 200_000,
        "```\n" * 100_000,
        "".join("  " * depth + "- a\n" for depth in range(900)),
        "".join(f"## h{number}\n- a{number}\n" for number in range(10_000)),
        "e\u0301" * 300_000,
        "\udc80 half a character",
        "???\n\n!!!\n",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_hostile_text_is_read_to_its_end(hostile: str) -> None:
    request = parse(hostile)
    spelled(request.items)
    assert len(request.texts()) <= len(request.items)
    assert all(item.path and len(item.path) < 4_000 for item in request.items)


def test_a_text_of_more_than_a_mebibyte_is_refused() -> None:
    with pytest.raises(UsageError, match="1 MiB"):
        parse("x" * (1024 * 1024 + 1))


def test_a_tree_of_more_than_forty_levels_is_refused() -> None:
    tree: dict[str, object] = {}
    for _ in range(200):
        tree = {"a": tree, "b": "c"}
    with pytest.raises(UsageError, match="40 levels"):
        from_tree(tree)  # type: ignore[arg-type]


# --- properties ------------------------------------------------------------------------------------------------------

word = st.text("abcdefgéœ", min_size=1, max_size=6)
prose = st.lists(word, min_size=1, max_size=30).map(" ".join)
sections = st.dictionaries(word.map(lambda name: f"s{name}"), st.lists(prose, min_size=1, max_size=5), min_size=2, max_size=5)


def written(content: dict[str, list[str]], *, width: int = 70, indent: int = 0, gap: str = "\n") -> str:
    def item(text: str) -> str:
        return textwrap.fill(text, width, initial_indent=" " * indent + "- ", subsequent_indent=" " * (indent + 2))

    return "# Title\n\n" + "\n".join(f"## {name}\n{gap.join(map(item, items))}\n" for name, items in content.items())


@given(sections, st.data())
def test_editing_one_section_changes_only_what_contains_it(content: dict[str, list[str]], data: st.DataObject) -> None:
    before = parse(written(content))
    edited = data.draw(st.sampled_from(sorted(content)))
    after = parse(written(content | {edited: [*content[edited], "z quite new"]}))
    for name in content:
        same = name_of(name) != name_of(edited)
        selector = f"requirements.{name}"
        assert (select(before, selector) == select(after, selector)) is same
        assert (spelled(select(before, selector)) == spelled(select(after, selector))) is same


def name_of(section: str) -> str:
    return section.replace("é", "e").replace("œ", "oe")


@given(sections, st.integers(20, 200), st.integers(0, 1), st.sampled_from(["\n", "\n\n"]))
def test_wrapping_and_indenting_change_nothing(content: dict[str, list[str]], width: int, indent: int, gap: str) -> None:
    assert parse(written(content, width=width, indent=indent, gap=gap)) == parse(written(content))


@given(sections, st.randoms(use_true_random=False))
def test_the_order_of_sections_does_not_matter(content: dict[str, list[str]], random: object) -> None:
    if len({name_of(name) for name in content}) < len(content):
        return
    names = list(content)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert parse(written({name: content[name] for name in names})) == parse(written(content))


@given(sections, st.data())
def test_inserting_an_item_renames_no_other(content: dict[str, list[str]], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(content)))
    place = data.draw(st.integers(0, len(content[name])))
    more = content | {name: [*content[name][:place], "zz new", *content[name][place:]]}
    assert set(parse(written(content)).items) < set(parse(written(more)).items)


@settings(max_examples=200)
@given(st.text("#-*[]|`~<>!:=_ \n\tAR1é", max_size=200))
def test_any_text_is_read_the_same_whatever_its_line_ends(text: str) -> None:
    request = parse(text)
    assert parse(text.replace("\n", "\r\n")) == request
    assert all(select(request, f"requirements.{item.path}") for item in request.items)
