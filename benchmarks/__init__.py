"""Benchmarks: us and a bare peer side by side in the same run, printed as ratios. ``make bench`` runs them all."""
