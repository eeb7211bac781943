"""Files: keys, fingerprints and instance tags, in libotr's forms and those of other programs."""
