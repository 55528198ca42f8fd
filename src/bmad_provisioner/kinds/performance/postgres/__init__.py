"""What a PostgreSQL database says about its statements and indexes, asked read-only."""

from bmad_provisioner.kinds.performance.postgres.advice import Advice, advise
from bmad_provisioner.kinds.performance.postgres.telling import clues, said

__all__ = ["Advice", "advise", "clues", "said"]
