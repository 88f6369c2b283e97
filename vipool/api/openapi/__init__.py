"""The OpenAPI document of a face, emitted from its route table, and the page that shows it to people."""
