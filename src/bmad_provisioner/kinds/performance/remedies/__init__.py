"""Remedies: those that can be made in the files of a project without a doubt."""
