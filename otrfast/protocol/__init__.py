"""The protocol: key exchange, key rotation, data messages and SMP, as tables and plain state,
without any I/O."""
