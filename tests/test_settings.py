"""Settings: file, environment and flags in that order, each value with its place, and no secret ever shown."""

import os

import pytest

from bmad_provisioner.errors import UsageError
from bmad_provisioner.settings import FILE, SETTINGS, load, parse_duration, parse_size


def written(tmp_path, text):
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    return tmp_path


def refusal(root, environ=(), flags=()):
    with pytest.raises(UsageError) as caught:
        load(root, dict(environ), dict(flags))
    return caught.value


def row(settings, name):
    (found,) = (row for row in settings.sources() if row.name == name)
    return found.shown, found.source


def test_without_anything_the_defaults_hold(tmp_path):
    for root in (None, tmp_path):
        settings = load(root, {}, {})
        values = settings.values
        assert (values.max_concurrent_agents, values.task_timeout_seconds, values.profile) == (None, None, None)
        assert (values.memory_cache_size, values.memory_cache_policy, values.disk_cache_size) == (64 << 20, "adaptive", 2 << 30)
        assert (values.memory_cache_ttl, values.disk_cache_ttl, values.shared_cache_ttl) == (3600, None, 604_800)
        assert (values.parallel_execution_enabled, values.performance_logging, values.benchmark_mode) == (True, False, False)
        assert {row.source for row in settings.sources()} == {"default"}
        assert [row.name for row in settings.sources()] == list(SETTINGS)
        assert row(settings, "max_concurrent_agents") == ("unset", "default")


def test_the_environment_is_over_the_file_and_flags_are_over_both(tmp_path):
    root = written(tmp_path, '# ours\nprofile = "small"\nmax_concurrent_agents = 3\nmemory_cache_ttl = "30s"\n')
    environ = {"BMADP_MAX_CONCURRENT_AGENTS": "5", "BMADP_PROFILE": "medium", "BMADP_DISK_CACHE_TTL": ""}
    settings = load(root, environ, {"profile": "large", "benchmark_mode": None})
    values = settings.values
    assert (values.profile, values.max_concurrent_agents, values.memory_cache_ttl, values.disk_cache_ttl) == (
        "large",
        5,
        30,
        None,
    )
    assert row(settings, "profile") == ("large", "--profile")
    assert row(settings, "max_concurrent_agents") == ("5", "BMADP_MAX_CONCURRENT_AGENTS")
    assert row(settings, "memory_cache_ttl") == ("30s", f"{FILE}:4")
    assert row(settings, "disk_cache_ttl") == ("unset", "default")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_concurrent_agents", "8", 8),
        ("task_timeout_seconds", "90", 90.0),
        ("task_timeout_seconds", "1.5m", 90.0),
        ("parallel_execution_enabled", "off", False),
        ("profile", "auto", "auto"),
        ("memory_cache_size", "1.5k", 1536),
        ("memory_cache_policy", "LRU", "lru"),
        ("disk_cache_size", "0", 0),
        ("shared_cache_url", "rediss://cache:6380/1", "rediss://cache:6380/1"),
        ("shared_cache_url", "valkey://cache:6379/0", "valkey://cache:6379/0"),
        ("shared_cache_url", "unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("performance_logging", "TRUE", True),
        ("benchmark_mode", "1", True),
    ],
)
def test_a_variable_and_a_flag_read_the_same_text(name, text, value):
    setting = SETTINGS[name]
    for settings in (load(None, {setting.variable: text}, {}), load(None, {}, {name: text})):
        assert getattr(settings.values, name) == value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("max_concurrent_agents = 8", 8),
        ("task_timeout_seconds = 2.5", 2.5),
        ("benchmark_mode = true", True),
        ("memory_cache_size = 1_024", 1024),
        ('"profile" = "small"', "small"),
    ],
)
def test_a_line_of_the_file_is_read_by_its_type(tmp_path, line, value):
    name = line.split(" ")[0].strip('"')
    settings = load(written(tmp_path, line), {}, {name: None})
    assert getattr(settings.values, name) == value
    assert row(settings, name)[1] == f"{FILE}:1"


def test_a_flag_may_be_a_value_instead_of_a_text():
    values = load(None, {}, {"max_concurrent_agents": 4, "benchmark_mode": True, "task_timeout_seconds": 2.5}).values
    assert (values.max_concurrent_agents, values.benchmark_mode, values.task_timeout_seconds) == (4, True, 2.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('max_concurrent_agents = "8"', "1: `max_concurrent_agents` must be a whole number, at least 1, not `8`"),
        ("max_concurrent_agents = 0", "1: `max_concurrent_agents` must be a whole number, at least 1, not `0`"),
        ("\nmax_concurrent_agents = true", "2: `max_concurrent_agents` must be a whole number, at least 1, not `true`"),
        (
            "max_concurrent_agents = 0x" + "f" * 5000,
            "1: `max_concurrent_agents` must be a whole number, at least 1, not a number that large",
        ),
        ('benchmark_mode = "yes"', "1: `benchmark_mode` must be `true` or `false`, not `yes`"),
        ("profile = 1979-05-27", "1: `profile` must be a text that is not empty, not `1979-05-27`"),
        ("[profile]\nagents = 3", "1: `profile` must be a text that is not empty, not a table"),
        ("profile = []", "1: `profile` must be a text that is not empty, not a list"),
        ('memory_cache_size = "64 parsecs"', "1: `memory_cache_size` must be a size such as `64M` or `2G`, not `64 parsecs`"),
        ("disk_cache_ttl = 0", "1: `disk_cache_ttl` must be a duration such as `30s`, `15m`, `24h` or `7d`, not `0`"),
        ("disk_cache_ttl = inf", "1: `disk_cache_ttl` must be a duration such as `30s`, `15m`, `24h` or `7d`, not `inf`"),
        ('memory_cache_policy = "fifo"', "1: `memory_cache_policy` must be one of `adaptive`, `lru`, `lfu`, `cost`, not `fifo`"),
        ("a =\n", "1: this is not TOML: invalid value"),
        ("profile = 'a'\nprofile = 'b'\n", "2: this is not TOML: cannot overwrite a value"),
    ],
)
def test_a_wrong_value_is_one_error_with_its_line(tmp_path, text, message):
    assert refusal(written(tmp_path, text)).message == f"{FILE}:{message}"


def test_an_unknown_key_names_its_line_and_the_nearest_setting(tmp_path):
    error = refusal(written(tmp_path, '# first\n\nprofil = "small"\n'))
    assert (error.message, error.hint) == (f"{FILE}:3: unknown setting `profil`", "did you mean `profile`?")
    error = refusal(None, flags={"benchmark": True})
    assert (error.message, error.hint) == ("--benchmark: unknown setting `benchmark`", "did you mean `benchmark_mode`?")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("key", ["typo", '"typo"', "'typo'", "typo.x", "[typo]", "[[typo]]", "[ typo.x ]"])
def test_the_line_of_a_key_is_found_however_it_is_written(tmp_path, key, end):
    last = key if key.startswith("[") else f"{key} = 1"
    text = end.join(['profile = """', "typo = 1", "[typo]", '"""', "# typo = 1", "memory_cache_size = 1", "", last, ""])
    (tmp_path / FILE).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert refusal(tmp_path).message == f"{FILE}:8: unknown setting `typo`"


def test_a_key_spelt_with_escapes_is_refused_without_a_line(tmp_path):
    assert refusal(written(tmp_path, '"ty\\u0070o" = 1')).message == f"{FILE}: unknown setting `typo`"


@pytest.mark.parametrize("content", [b"profile = '\xff'", b"\x00", b"a = " + b"[" * 5000, b"a = " + b"9" * 5000])
def test_bytes_that_are_no_toml_are_refused(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    assert refusal(tmp_path).message.startswith(FILE)


def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / FILE)
    assert "is no plain file" in refusal(tmp_path).message


def test_a_wrong_variable_and_a_wrong_flag_name_themselves():
    assert (
        refusal(None, {"BMADP_BENCHMARK_MODE": "perhaps"}).message
        == "BMADP_BENCHMARK_MODE: must be `true` or `false`, not `perhaps`"
    )
    assert refusal(None, flags={"task_timeout_seconds": "soon"}).message.startswith("--task-timeout-seconds: must be a duration")


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_the_secret_comes_from_the_environment_only_and_is_never_shown(tmp_path):
    settings = load(None, {"BMADP_SHARED_CACHE_SECRET": "hunter2"}, {})
    assert settings.values.shared_cache_secret == "hunter2"
    assert row(settings, "shared_cache_secret") == ("***", "BMADP_SHARED_CACHE_SECRET")
    assert "hunter2" not in repr(settings)
    in_file = refusal(written(tmp_path, 'shared_cache_secret = "hunter2"'))
    as_flag = refusal(None, flags={"shared_cache_secret": "hunter2"})
    for error, where in ((in_file, f"{FILE}:1"), (as_flag, "--shared-cache-secret")):
        assert error.message == f"{where}: `shared_cache_secret` is a secret and is taken from the environment only"
        assert error.hint == "set `BMADP_SHARED_CACHE_SECRET`"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("redis://:hunter2@cache/0", "redis://:***@cache/0"),
        ("redis://me:hunter2@cache:6379", "redis://me:***@cache:6379"),
        ("redis://me:hun@ter2@cache", "redis://me:***@cache"),
        ("redis://cache/0?password=hunter2", "redis://cache/0?***"),
    ],
)
def test_the_password_of_an_address_is_never_shown(url, shown):
    settings = load(None, {"BMADP_SHARED_CACHE_URL": url}, {})
    assert settings.values.shared_cache_url == url
    assert row(settings, "shared_cache_url")[0] == shown
    assert "ter2" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "http://cache",
        "redis://",
        "redis://me:hunter/2@cache",
        "redis://me:1/hunter2@cache",
        "redis://:hunter#2@cache",
        "redis://[::1",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url):
    error = refusal(None, {"BMADP_SHARED_CACHE_URL": url})
    assert error.message == "BMADP_SHARED_CACHE_URL: must be an address such as `redis://host:6379/0`"


# --- units ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("512", 512), ("64M", 64 << 20), ("64 MB", 64 << 20), ("2gib", 2 << 30), ("1.5K", 1536), ("1T", 1 << 40)],
)
def test_sizes_are_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30), ("30s", 30), ("250ms", 0.25), ("15m", 900), ("24h", 86_400), ("7d", 604_800)]
)
def test_durations_are_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "M", "-1", "1X", "1e3", "nan", "1 2", "\u0664"])
def test_what_is_no_size_and_no_duration_is_refused(text):
    for parse in (parse_size, parse_duration):
        with pytest.raises(ValueError, match="is no"):
            parse(text)


def test_every_setting_says_what_it_is_for_and_has_its_variable_and_its_flag():
    for name, setting in SETTINGS.items():
        assert setting.help
        assert setting.variable == f"BMADP_{name.upper()}"
        assert setting.flag == "--" + name.replace("_", "-")
