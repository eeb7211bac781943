"""Tests of the backends: one suite for all of them, and for each dispatch level of the C core."""
