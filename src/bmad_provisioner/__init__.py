"""BMAD Provisioner: declare the skills of coding agents once, and keep projects that way."""

__version__ = "0.1.0"
