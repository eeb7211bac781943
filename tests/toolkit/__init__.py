"""Tests of the forgery toolkit."""
