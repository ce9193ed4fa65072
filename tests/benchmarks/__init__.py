"""What the program costs, as ratios: `python -m tests.benchmarks`."""
