"""Newscrawl measured beside what a user would pick instead: see docs/benchmarks.md."""
