"""One module for each way of holding an address on a link."""
