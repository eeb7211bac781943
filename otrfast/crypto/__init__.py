"""Arithmetic and keys: everything the protocol computes with, behind one seam (`backend`)."""
