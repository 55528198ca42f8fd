"""Plots: measurements as pictures (SVG): the same values, the same bytes."""

from __future__ import annotations
