"""What vipool promises in figures, measured side by side with doing the same by hand. Run by `make bench`."""
