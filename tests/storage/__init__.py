"""Tests of `otrfast.storage` and of the key commands."""
