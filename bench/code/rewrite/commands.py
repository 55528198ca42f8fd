"""Commands: the five toy transformers as `libcst.tool codemod` takes them."""

from __future__ import annotations

from libcst.codemod import VisitorBasedCodemodCommand

from kinds.code.toy_passes import EmptyDict, IsNone, NoObject, NoPrint, NotIn


class NoPrintCommand(NoPrint, VisitorBasedCodemodCommand):
    DESCRIPTION = "no print"


class IsNoneCommand(IsNone, VisitorBasedCodemodCommand):
    DESCRIPTION = "is None"


class NotInCommand(NotIn, VisitorBasedCodemodCommand):
    DESCRIPTION = "not in"


class EmptyDictCommand(EmptyDict, VisitorBasedCodemodCommand):
    DESCRIPTION = "{}"


class NoObjectCommand(NoObject, VisitorBasedCodemodCommand):
    DESCRIPTION = "no object"


NAMES = ("NoPrintCommand", "IsNoneCommand", "NotInCommand", "EmptyDictCommand", "NoObjectCommand")
