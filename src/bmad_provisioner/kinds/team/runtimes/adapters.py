"""Adapters: how each coding agent's command is called, as data.

In every value `$model`, `$value`, `$url` (the provider's base URL), `$schema` (JSON), `$system`, `$prompt`, `$level` (of
permissions) and `$private` (a folder that is gone after the run) are filled in. The prompt goes to standard input.

Retries are turned off wherever a command can be told so: the engine retries, and counts. Auto-updates, telemetry and kept
sessions are off too. Codex, Gemini CLI and pi can be told so only of a provider that the environment names, OpenCode, Qwen Code
and aider not at all: an overloaded provider keeps the last two busy for a minute and a half.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bmad_provisioner.kinds.team.runtimes import parsers
from bmad_provisioner.kinds.team.runtimes.parsers import Parse

_GOOGLE = (
    '{"security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"maxAttempts": 1, "enableAutoUpdate": false},'
    ' "privacy": {"usageStatisticsEnabled": false}, "telemetry": {"enabled": false}}'
)
_QWEN = (
    '{"general": {"enableAutoUpdate": false}, "privacy": {"usageStatisticsEnabled": false}, "telemetry": {"enabled": false},'
    ' "model": {"generationConfig": {"maxRetries": 0}}}'
)
_OPENCODE = (
    '{"provider": {"bmadp": {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": "$url",'
    ' "apiKey": "{env:OPENAI_API_KEY}"}, "models": {"$model": {}}}}}'
)
_PI = (
    '{"providers": {"bmadp": {"baseUrl": "$url", "api": "openai-completions", "apiKey": "OPENAI_API_KEY",'
    ' "models": [{"id": "$model"}]}}}'
)


@dataclass(frozen=True, slots=True)
class Adapter:
    """One coding agent.

    `always` are the arguments of every run; the others are added when there is something to say: `permissions` by level,
    `model`, `system` (a role), `tools` (allowed ones, by comma), `turns`, `cost`, `schema`. Where one is empty the
    command cannot be told. `passes` are the environment variables it is given, `switches` those that are set for it,
    `files` what is written into the private folder first.

    The environment variable `base` may name another provider than `url`: then `provider` is added, `named` stands for
    `model`, and `given` and `config` add to `switches` and `files`.

    `floor` is memory in MiB, a little more than the peak of a one-file turn. A command that cannot live with a bound of what
    it may reserve is not `hard`: then only what it holds is bounded. `tried` says that all of this and the parser were run
    against a provider on loopback.
    """

    name: str
    package: str
    parse: Parse
    always: tuple[str, ...]
    permissions: Mapping[str, tuple[str, ...]]
    passes: tuple[str, ...]
    base: str
    floor: int
    url: str = ""
    model: tuple[str, ...] = ("--model", "$model")
    system: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    turns: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    schema: tuple[str, ...] = ()
    provider: tuple[str, ...] = ()
    named: tuple[str, ...] = ("--model", "$model")
    switches: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)
    hard: bool = True
    tried: bool = True


CLAUDE = Adapter(
    name="claude",
    package="@anthropic-ai/claude-code",
    parse=parsers.claude,
    always=("-p", "--output-format", "stream-json", "--verbose", "--no-session-persistence"),
    permissions={
        "read": ("--permission-mode", "default"),
        "edit": ("--permission-mode", "acceptEdits"),
        "all": ("--permission-mode", "bypassPermissions"),
    },
    system=("--append-system-prompt-file", "$private/system.md"),
    files={"system.md": "$system"},
    tools=("--allowedTools", "$value"),
    turns=("--max-turns", "$value"),
    cost=("--max-budget-usd", "$value"),
    schema=("--json-schema", "$schema"),
    passes=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR"),
    base="ANTHROPIC_BASE_URL",
    url="https://api.anthropic.com",
    switches={
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
        "DISABLE_AUTOUPDATER": "1",
    },
    floor=320,
)
CODEX = Adapter(
    name="codex",
    package="@openai/codex",
    parse=parsers.codex,
    always=("exec", "--json", "--ephemeral", "--skip-git-repo-check", "--color", "never", "-c", "analytics.enabled=false"),
    permissions={
        "read": ("-s", "read-only"),
        "edit": ("-s", "workspace-write"),
        "all": ("--dangerously-bypass-approvals-and-sandbox",),
    },
    schema=("--output-schema", "$private/schema.json"),
    files={"schema.json": "$schema"},
    provider=(
        *("-c", "model_provider=bmadp", "-c", "model_providers.bmadp.name=bmadp"),
        *("-c", 'model_providers.bmadp.base_url="$url"', "-c", "model_providers.bmadp.wire_api=responses"),
        *("-c", "model_providers.bmadp.env_key=OPENAI_API_KEY"),
        *("-c", "model_providers.bmadp.request_max_retries=0", "-c", "model_providers.bmadp.stream_max_retries=0"),
    ),
    passes=("CODEX_API_KEY", "CODEX_HOME", "OPENAI_API_KEY"),
    base="OPENAI_BASE_URL",
    url="https://api.openai.com/v1",
    switches={"RUST_LOG": "off,codex_otel.log_only=info"},
    floor=224,
)
GEMINI = Adapter(
    name="gemini",
    package="@google/gemini-cli",
    parse=parsers.gemini,
    always=("-o", "stream-json"),
    permissions={
        "read": ("--approval-mode", "default"),
        "edit": ("--approval-mode", "auto_edit"),
        "all": ("--approval-mode", "yolo"),
    },
    tools=("--allowed-tools", "$value"),
    passes=("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_PROJECT", "GOOGLE_GEMINI_BASE_URL"),
    base="GOOGLE_GEMINI_BASE_URL",
    url="https://generativelanguage.googleapis.com",
    switches={"GEMINI_CLI_TRUST_WORKSPACE": "true", "GEMINI_TELEMETRY_ENABLED": "false"},
    given={"GEMINI_CLI_HOME": "$private"},
    config={".gemini/settings.json": _GOOGLE},
    floor=420,
)
QWEN = Adapter(
    name="qwen",
    package="@qwen-code/qwen-code",
    parse=parsers.qwen,
    always=("--output-format", "stream-json", "--chat-recording", "false"),
    permissions={
        "read": ("--approval-mode", "default"),
        "edit": ("--approval-mode", "auto-edit"),
        "all": ("--approval-mode", "yolo"),
    },
    tools=("--allowed-tools", "$value"),
    turns=("--max-session-turns", "$value"),
    provider=("--auth-type", "openai"),
    passes=("DASHSCOPE_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"),
    base="OPENAI_BASE_URL",
    switches={"QWEN_CODE_SYSTEM_DEFAULTS_PATH": "$private/defaults.json"},
    files={"defaults.json": _QWEN},
    floor=512,
)
OPENCODE = Adapter(
    name="opencode",
    package="opencode-ai",
    parse=parsers.opencode,
    always=("run", "--pure", "--format", "json"),
    permissions={"read": (), "edit": (), "all": ()},
    levels={
        "read": '{"edit": "deny", "bash": "deny", "webfetch": "deny"}',
        "edit": '{"edit": "allow", "bash": "deny", "webfetch": "deny"}',
        "all": '{"edit": "allow", "bash": "allow", "webfetch": "allow"}',
    },
    named=("--model", "bmadp/$model"),
    passes=("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENCODE_API_KEY", "OPENROUTER_API_KEY"),
    base="OPENAI_BASE_URL",
    switches={
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_PERMISSION": "$level",
    },
    given={"OPENCODE_CONFIG_CONTENT": _OPENCODE},
    floor=704,
    hard=False,
)
PI = Adapter(
    name="pi",
    package="@mariozechner/pi-coding-agent",
    parse=parsers.pi,
    always=("-p", "--mode", "json", "--no-session"),
    permissions={
        "read": ("--tools", "read,grep,find,ls"),
        "edit": ("--tools", "read,grep,find,ls,edit,write"),
        "all": (),
    },
    tools=("--tools", "$value"),
    provider=("--provider", "bmadp"),
    passes=("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "PI_CODING_AGENT_DIR"),
    base="OPENAI_BASE_URL",
    switches={"PI_OFFLINE": "1"},
    given={"PI_CODING_AGENT_DIR": "$private"},
    config={"models.json": _PI, "settings.json": '{"retry": {"enabled": false, "provider": {"maxRetries": 0}}}'},
    floor=200,
)
AIDER = Adapter(
    name="aider",
    package="aider-chat",
    parse=parsers.aider,
    always=(
        *("--message-file", "$private/prompt.md", "--yes-always", "--no-stream", "--no-pretty", "--no-check-update"),
        *("--no-show-model-warnings", "--no-auto-commits", "--no-git", "--no-detect-urls"),
        *("--chat-history-file", "$private/chat.md", "--input-history-file", "$private/input"),
    ),
    permissions={"read": ("--dry-run",), "edit": (), "all": ()},
    passes=("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OPENAI_API_BASE", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
    base="OPENAI_API_BASE",
    switches={"AIDER_ANALYTICS_DISABLE": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    files={"prompt.md": "$prompt"},
    floor=600,
)
