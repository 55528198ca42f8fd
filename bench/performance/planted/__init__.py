"""Planted: small web services with known bottlenecks in known lines, to measure how well causes are found."""
