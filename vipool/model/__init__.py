"""The nouns: values only. No I/O, no clock, no randomness."""
