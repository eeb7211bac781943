"""The wire: every message of OTRv2 and OTRv3 described once, and one strict reader for all of
them."""
