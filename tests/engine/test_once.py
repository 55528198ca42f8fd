"""What must never be done twice is done again only when somebody asks for it, whatever was forgotten since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bmad_provisioner.engine.cache import LOST, UNREPORTED
from bmad_provisioner.engine.disk import DiskCache
from bmad_provisioner.engine.lanes import LanesError, Local
from bmad_provisioner.engine.run import Status, Ways
from bmad_provisioner.engine.task import Action, Effect, Keeping, Lane, Output, Task
from bmad_provisioner.errors import PlanError, TaskError
from engine.work import Shop, statuses, task


def _refuse(inputs):
    raise PlanError("no")


def _absent(inputs):
    raise TaskError("command `mail` is not there", started=False)


def _send(inputs):
    return Output(facts={"sent": True})


def once(function=_send, **more) -> Task:
    return Task("mail", Action("mail", "1", function, Lane.IO, external=True), more, effect=Effect.ONCE)


def begun(shop: Shop) -> Shop:
    """Return a place where a mail was begun and never reported."""
    assert shop.run(once(_refuse))["mail"].status is Status.FAILED
    return shop


@pytest.mark.parametrize("hold", [True, False])
def test_what_was_begun_and_never_reported_is_refused_by_a_plan_as_by_a_run(hold):
    outcome = begun(Shop()).run(once(), hold=hold)["mail"]
    assert (outcome.status, outcome.error) == (Status.FAILED, UNREPORTED) and "--again mail" in outcome.hint


def test_it_is_refused_though_it_would_be_asked_something_else_now():
    assert begun(Shop()).run(once(to="you"))["mail"].error == UNREPORTED


def test_it_is_refused_though_the_cache_was_cleared():
    shop = begun(Shop())
    DiskCache(shop.blobs).clear()
    assert shop.run(once())["mail"].error == UNREPORTED


def test_another_document_has_its_own_mail():
    shop = begun(Shop())
    shop.cache = DiskCache(shop.blobs, of="Team:other")
    assert shop.run(once(to="you"))["mail"].status is Status.DONE


def test_the_same_mail_under_another_name_is_the_same():
    """A document may be renamed."""
    shop = begun(Shop())
    shop.cache = DiskCache(shop.blobs, of="Team:other")
    assert shop.run(once())["mail"].error == UNREPORTED


def test_who_asks_for_it_has_it_done_again():
    shop = begun(Shop())
    assert shop.run(once(), ways=Ways(again=frozenset({"mail"})))["mail"].status is Status.DONE
    assert shop.run(once())["mail"].status is Status.CACHED


def test_what_never_started_was_not_begun():
    shop = Shop()
    assert shop.run(once(_absent))["mail"].error == "command `mail` is not there"
    assert shop.run(once())["mail"].status is Status.DONE


def test_what_no_lane_could_begin_was_not_begun():
    class Full(Local):
        def start(self, job):
            raise LanesError("no thread can be started")

    shop = Shop()
    with pytest.raises(LanesError):
        shop.run(once(), ways=Ways(lanes=(Full,), sequential=False))
    assert shop.run(once())["mail"].status is Status.DONE


def test_what_is_to_be_kept_nowhere_and_succeeded_is_done_each_time():
    shop, mail = Shop(), replace(once(), keeping=Keeping(level="never"))
    assert [shop.run(mail)["mail"].status for _ in range(2)] == [Status.DONE, Status.DONE]
    assert shop.run(replace(mail, action=once(_refuse).action))["mail"].error == "no"
    assert shop.run(mail)["mail"].error == UNREPORTED


def test_what_was_done_and_whose_files_are_lost_is_not_done_again():
    def send(inputs):
        return Output({"receipt": inputs.keep(b"paid")})

    shop = Shop()
    assert shop.run(once(send))["mail"].status is Status.DONE
    shop.blobs.prune(())
    assert shop.run(once(send))["mail"].error == LOST


def test_what_somebody_made_the_cache_forget_is_done_again():
    shop = Shop()
    shop.run(once())
    DiskCache(shop.blobs).clear()
    assert shop.run(once())["mail"].status is Status.DONE
    cache = DiskCache(shop.blobs)
    assert cache.drop([one.key for one in cache.kept()]) == 1
    assert statuses(shop.run(once(), task("other"))) == {"mail": "done", "other": "done"}
