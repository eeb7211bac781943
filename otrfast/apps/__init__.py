"""Programs on top of the engine: the demonstration, the benchmark, and what they share."""
