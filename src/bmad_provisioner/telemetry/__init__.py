"""Telemetry: listeners, and readers of what listeners wrote."""
