"""Repair: one file in, the same file with what could be put right, what was only proposed, and what is left."""

from __future__ import annotations

from bmad_provisioner.kinds.code.repair.cut import is_cut
from bmad_provisioner.kinds.code.repair.lexing import Source
from bmad_provisioner.kinds.code.repair.judge import scene
from bmad_provisioner.kinds.code.repair.model import ALL, Fault, Fix, Repaired
from bmad_provisioner.kinds.code.repair.oracle import trouble
from bmad_provisioner.kinds.code.repair.search import solve
from bmad_provisioner.kinds.code.repair.window import window

THRESHOLD = 0.8
STEPS = 200


def further(text,end):
    t=trouble(text)
    return t is None or t.line > text.count("\n",0,end)

def mend(text, wanted, threshold):
    fixes=[]
    now=text
    for _ in range(STEPS):
        found=trouble(now)
        if found is None: return now, fixes, [], []
        if is_cut(Source(now),found): return None,fixes,[],[found]
        start,end=window(now,found)
        inner=now[start:end]
        here=trouble(inner)
        if here is None: start,end=0,len(now); inner=now; here=found
        answers=solve(inner,here,scene(now,start,end),wanted)
        answers=[a for a in answers if further(now[:start]+a.text+now[end:], start+len(a.text))]
        from bmad_provisioner.kinds.code.repair.search import _sure
        answers=_sure(answers)
        if not answers or answers[0].confidence<threshold:
            return None, fixes, answers, [found]
        now=now[:start]+answers[0].text+now[end:]
        fixes.append(answers[0])
    return None,fixes,[],[]
