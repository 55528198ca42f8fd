"""Plugins: names without loading, one name once, and the same answers as importlib.metadata."""

import importlib.metadata
import subprocess
import sys
import zipfile

import pytest

from bmad_provisioner.errors import UsageError
from bmad_provisioner.plugins import Plugins, did_you_mean

GROUP = "bmad_provisioner.toys"


def install(folder, distribution, entries, suffix=".dist-info", group=GROUP):
    info = folder / f"{distribution.replace('-', '_')}-1.0{suffix}"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[console_scripts]\nx = y:z\n\n[{group}]\n# a remark\n" + "".join(f"{e}\n" for e in entries)
    )


def plugins(*folders):
    return Plugins(GROUP, tuple(map(str, folders)))


def test_names_are_seen_without_loading_and_objects_load_when_asked(tmp_path):
    install(tmp_path, "a-toy", ["Top = json:dumps", "Broken = no_such_module:x", "Deep=os : path.join [extra]"])
    found = plugins(tmp_path)
    assert (list(found), len(found), "Top" in found, "top" in found) == (["Broken", "Deep", "Top"], 3, True, False)
    assert found["Top"].__name__ == "dumps"
    assert found["Deep"].__name__ == "join"


@pytest.mark.parametrize("target", ["no_such_module:x", "json:nothing", "json:dumps.nothing", ":x", ""])
def test_a_plugin_that_does_not_load_names_itself_and_its_distribution(tmp_path, target):
    install(tmp_path, "a-toy", [f"Bad = {target}"])
    with pytest.raises(UsageError, match="plugin `Bad` of `a-toy` does not load") as caught:
        plugins(tmp_path)["Bad"]
    assert caught.value.hint == "update or uninstall `a-toy`"


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path):
    install(tmp_path, "a-toy", ["Skills = json:dumps", "Team = json:loads"])
    with pytest.raises(UsageError, match="unknown toy `skils`") as caught:
        plugins(tmp_path)["skils"]
    assert caught.value.hint == "did you mean `Skills`?"
    with pytest.raises(UsageError) as caught:
        plugins(tmp_path)["zzzzz"]
    assert caught.value.hint == "known: `Skills`, `Team`"
    with pytest.raises(UsageError) as caught:
        plugins(tmp_path / "nowhere")["zzzzz"]
    assert caught.value.hint == "none is installed"


def test_one_name_offered_by_two_distributions_is_an_error_that_names_both(tmp_path):
    install(tmp_path / "one", "a-toy", ["Top = json:dumps"])
    install(tmp_path / "two", "other-toy", ["Top = json:dumps", "Ok = json:loads"])
    for look in (list, len, lambda found: found["Ok"], lambda found: "Ok" in found):
        with pytest.raises(UsageError, match=r"`Top` in `bmad_provisioner\.toys` is offered by both `a-toy` and `other-toy`"):
            look(plugins(tmp_path / "one", tmp_path / "two"))


def test_a_second_copy_of_a_distribution_is_shadowed_by_the_first(tmp_path):
    install(tmp_path / "one", "a-toy", ["Top = json:dumps"])
    install(tmp_path / "two", "A.Toy", ["Top = json:loads", "Old = json:loads"])
    found = plugins(tmp_path / "one", tmp_path / "two", tmp_path / "one")
    assert {name: found[name].__name__ for name in found} == {"Top": "dumps"}


def test_groups_of_others_leftovers_and_odd_lines_are_passed_over(tmp_path):
    install(tmp_path, "a-toy", ["Top = json:dumps", "", "; no", "no equals sign", "[other]", "Top2 = json:loads"])
    install(tmp_path, "~-toy", ["Top = json:dumps"])
    install(tmp_path, "b-toy", ["Top = json:dumps"], group="bmad_provisioner.toys.more")
    (tmp_path / "c_toy-1.0.dist-info").mkdir()
    (tmp_path / "d_toy-1.0.dist-info").write_text("a file")
    assert list(plugins(tmp_path)) == ["Top"]


def test_eggs_and_archives_on_the_path_count_too(tmp_path):
    install(tmp_path / "src", "a-toy", ["Egg = json:dumps"], suffix=".egg-info")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("z_toy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: z-toy\nVersion: 1.0\n")
        archive.writestr("z_toy-1.0.dist-info/entry_points.txt", f"[{GROUP}]\nZip = json:loads\n")
    assert list(plugins(tmp_path / "src", tmp_path / "x.zip")) == ["Egg", "Zip"]


def test_this_very_environment_is_read_as_importlib_metadata_reads_it():
    group = "bmad_provisioner.kinds"
    assert list(Plugins(group)) == sorted(entry.name for entry in importlib.metadata.entry_points(group=group))
    assert "Skills" in Plugins(group)


def test_looking_at_names_does_not_import_the_slow_reader():
    code = "import sys; from bmad_provisioner.plugins import Plugins; list(Plugins('bmad_provisioner.kinds')); print('importlib.metadata' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_a_hint_finds_the_nearest_whatever_its_case():
    assert did_you_mean("SKILLS", ("Skills",)) == "did you mean `Skills`?"
