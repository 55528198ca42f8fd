"""Reading a pipeline: the steps, times, hits and order that CI servers, image builds and test runs write down."""

from __future__ import annotations

import json

import pytest

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.performance import reading_pipeline
from bmad_provisioner.kinds.performance.pipeline import Run, Step, advice


def steps(files: dict[str, str]) -> tuple[Step, ...]:
    return reading_pipeline.steps((path, text.encode()) for path, text in files.items())


def _github(install: int, rest: bool = False) -> str:
    """A run of three jobs: `lint` beside `build`, then `deploy`, which is picked up 6 s later; as `gh` or as the REST API tells it."""
    began, ended = ("started_at", "completed_at") if rest else ("startedAt", "completedAt")

    def at(second: int) -> str:
        return f"2026-03-01T10:{second // 60:02}:{second % 60:02}Z"

    def one(name: str, first: int, last: int, conclusion: str = "success", **more: object) -> dict[str, object]:
        return {"name": name, "status": "completed", "conclusion": conclusion, began: at(first), ended: at(last), **more}

    build = [
        one("Set up job", 0, 2, number=1),
        one("Run npm ci", 2, 2 + install, number=2),
        one("Run npm run build", 2 + install, 62 + install, number=3),
    ]
    build.append(one("Upload coverage", 62 + install, 62 + install, "skipped", number=4))
    lint = [one("Set up job", 0, 2, number=1), one("Run npm run lint", 2, 30, number=2)]
    deploy = [one("Set up job", 68 + install, 70 + install, number=1), one("Deploy", 70 + install, 80 + install, number=2)]
    waiting = {
        "name": "notify",
        "status": "queued",
        "conclusion": None,
        began: "2026-03-01T10:09:00Z",
        ended: "0001-01-01T00:00:00Z",
        "steps": [],
    }
    jobs = [
        one("build", 0, 62 + install, steps=build),
        one("lint", 0, 30, steps=lint),
        one("deploy", 68 + install, 80 + install, steps=deploy),
        waiting,
    ]
    return json.dumps({"total_count": 4, "jobs": jobs} if rest else {"jobs": jobs})


@pytest.mark.parametrize("rest", [False, True])
def test_jobs_of_github_are_steps_in_a_row_after_the_jobs_that_they_waited_for(rest: bool) -> None:
    found = {one.name: one for one in steps({"1.json": _github(40, rest), "2.json": _github(60, rest)})}
    assert set(found) == {
        "build / Set up job",
        "build / Run npm ci",
        "build / Run npm run build",
        "lint / Set up job",
        "lint / Run npm run lint",
        "deploy / Set up job",
        "deploy / Deploy",
    }
    assert found["build / Run npm ci"].runs == (Run(40.0), Run(60.0))
    assert set(found["deploy / Set up job"].needs) == {"build / Set up job", "build / Run npm ci", "build / Run npm run build"}
    said = advice(tuple(found.values()))
    assert said.seconds == 2 + 50 + 60 + 2 + 10
    assert said.path[-1] == "deploy / Deploy"
    assert next(bound for bound in said.bounds if bound.step == "lint / Run npm run lint").without == 0


_GITLAB = [
    {"id": 13, "name": "deploy", "stage": "deploy", "status": "success", "started_at": "2026-03-01T10:04:05.100Z", "finished_at": "2026-03-01T10:04:20.100Z", "duration": 15.0, "queued_duration": 1.2, "pipeline": {"id": 7}},
    {"id": 12, "name": "rspec 2/2", "stage": "test", "status": "success", "started_at": "2026-03-01T10:01:02.000Z", "finished_at": "2026-03-01T10:04:02.000Z", "duration": 180.0, "pipeline": {"id": 7}},
    {"id": 11, "name": "rspec 1/2", "stage": "test", "status": "success", "started_at": "2026-03-01T10:01:01.000Z", "finished_at": "2026-03-01T10:02:31.000Z", "duration": 90.0, "pipeline": {"id": 7}},
    {"id": 10, "name": "compile", "stage": "build", "status": "success", "started_at": "2026-03-01T10:00:00.000Z", "finished_at": "2026-03-01T10:01:00.000Z", "duration": 60.0, "pipeline": {"id": 7}},
    {"id": 14, "name": "audit", "stage": "test", "status": "failed", "started_at": "2026-03-01T10:01:01.000Z", "finished_at": "2026-03-01T10:01:03.000Z", "duration": 2.0, "pipeline": {"id": 7}},
    {"id": 15, "name": "pages", "stage": "deploy", "status": "manual", "started_at": None, "finished_at": None, "duration": None, "pipeline": {"id": 7}},
]  # fmt: skip


def test_jobs_of_gitlab_need_what_was_over_in_earlier_stages() -> None:
    found = {one.name: one for one in steps({"jobs.json": json.dumps(_GITLAB)})}
    assert set(found) == {"compile", "rspec 1/2", "rspec 2/2", "deploy"}
    assert found["rspec 1/2"].needs == ("compile",)
    assert found["deploy"].needs == ("compile", "rspec 1/2", "rspec 2/2")
    assert advice(tuple(found.values())).path == ("compile", "rspec 2/2", "deploy")


def _built(cached: bool) -> str:
    """What `docker build --progress=plain` prints; on GitHub each line has a time before it."""
    install = (
        "#8 CACHED"
        if cached
        else "#8 1.204 Collecting flask\n#8 ...\n#9 [web 2/3] COPY static /static\n#9 DONE 0.4s\n#8 [builder 2/3] RUN pip install -r requirements.txt\n#8 DONE 41.7s"
    )
    return f"""#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 412B done
#1 DONE 0.0s

#6 [builder 1/3] FROM docker.io/library/python:3.11@sha256:{"ab" * 32}
#6 resolve docker.io/library/python:3.11 0.1s done
#6 CACHED

#7 [web 1/3] FROM docker.io/library/nginx:1.25
#7 CACHED
#7 sha256:53633759f9c935144239ceb844e4ea5325e5a17bdfe2c6a5577f654c78ff1317 12.58MB / 46.07MB 1.1s
#7 DONE 2.5s

#8 [builder 2/3] RUN pip install -r requirements.txt
{install}

#10 [builder 3/3] RUN make site
#10 DONE 20.0s

#11 [web 3/3] COPY --from=builder /site /usr/share/nginx/html
#11 DONE 0.6s

#12 exporting to image
#12 exporting layers 1.0s done
#12 DONE 1.1s
"""


def test_a_build_of_an_image_tells_its_cache_hits_and_what_copies_from_what() -> None:
    on_github = "\n".join(f"2026-03-01T10:00:00.1234567Z {line}" for line in _built(cached=True).splitlines())
    found = {one.name: one for one in steps({"cold.log": _built(cached=False), "warm.log": on_github})}
    install = found["[builder 2/3] RUN pip install -r requirements.txt"]
    assert install.runs == (Run(41.7, hit=False), Run(0.0, hit=True))
    assert install.needs == ("[builder 1/3] FROM docker.io/library/python:3.11",)
    assert found["[web 1/3] FROM docker.io/library/nginx:1.25"].runs[0] == Run(2.5, hit=True)
    assert "[builder 3/3] RUN make site" in found["[web 3/3] COPY --from=builder /site /usr/share/nginx/html"].needs
    assert found["exporting to image"].runs[0].hit is None
    assert len(found["exporting to image"].needs) >= 5
    said = advice(tuple(found.values()))
    bound = next(bound for bound in said.bounds if bound.step == install.name)
    assert (bound.hits, bound.on_path) == (0.5, True)
    assert bound.cached == pytest.approx(41.7 / 2, abs=2.5)


def test_a_build_told_to_programs_has_the_needs_that_it_names() -> None:
    first = {
        "vertexes": [
            {
                "digest": "sha256:1",
                "name": "[1/2] FROM alpine",
                "started": "2026-03-01T10:00:00.000000001Z",
                "completed": "2026-03-01T10:00:01.5Z",
                "cached": True,
            }
        ]
    }
    began = {
        "vertexes": [{"digest": "sha256:2", "inputs": ["sha256:1"], "name": "[2/2] RUN make", "started": "2026-03-01T10:00:02Z"}]
    }
    more = {"statuses": [{"id": "x", "vertex": "sha256:2", "current": 1}], "logs": [{"vertex": "sha256:2", "data": "aGkK"}]}
    ended = {"vertexes": [{**began["vertexes"][0], "completed": "2026-03-01T10:00:12.25Z"}]}
    failed = {
        "vertexes": [
            {
                "digest": "sha256:3",
                "name": "[3/2] RUN false",
                "started": "2026-03-01T10:00:02Z",
                "completed": "2026-03-01T10:00:03Z",
                "error": "exit code: 1",
            }
        ]
    }
    text = "\n".join(json.dumps(one) for one in (first, began, more, ended, failed))
    found = {one.name: one for one in steps({"build.jsonl": text})}
    assert found["[2/2] RUN make"].runs == (Run(10.25, hit=False),)
    assert found["[2/2] RUN make"].needs == ("[1/2] FROM alpine",)
    assert found["[1/2] FROM alpine"].runs[0].hit is True
    assert len(found) == 2


_JUNIT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="0" failures="1" tests="4" time="9.5">
<testcase classname="tests.test_api" name="test_one" time="2.5"/><testcase classname="tests.test_api" name="test_two" time="3.0"/>
<testcase classname="tests.test_api" name="test_bad" time="60.0"><failure message="no">x</failure></testcase>
<testcase classname="tests.test_db" name="test_three" time="4.0"><system-out>ok</system-out></testcase>
</testsuite></testsuites>"""


def test_tests_take_their_time_one_file_after_the_other() -> None:
    found = steps({"junit.xml": _JUNIT})
    assert [(one.name, one.seconds, one.needs) for one in found] == [
        ("tests.test_api", 5.5, ()),
        ("tests.test_db", 4.0, ("tests.test_api",)),
    ]


def test_a_step_that_is_left_out_now_and_then_breaks_no_chain() -> None:
    without = json.loads(_github(40))
    without["jobs"][0]["steps"][1]["conclusion"] = "skipped"
    found = {one.name: one for one in steps({"1.json": _github(40), "2.json": json.dumps(without)})}
    assert found["build / Run npm run build"].needs == ("build / Set up job",)
    assert found["build / Run npm ci"].runs == (Run(40.0),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{}",
        "[1]",
        '{"jobs": [{"name": "x", "startedAt": "yesterday", "completedAt": "today"}]}',
        "<html>",
        '<!DOCTYPE x [<!ENTITY a "b">]><testsuite><testcase name="&a;"/></testsuite>',
        '{"vertexes": [{"name": "x"}]}',
    ],
)
def test_what_is_no_pipeline_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match=r"`x\.log` tells of no pipeline") as caught:
        steps({"x.log": text})
    assert "gh run view" in caught.value.hint
