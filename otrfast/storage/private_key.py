"""Placeholder."""

from otrfast.crypto.dsa import KeyPair as PrivateKey
