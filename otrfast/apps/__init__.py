"""The programs of the command line: the demonstration, the benchmark, and key files."""
