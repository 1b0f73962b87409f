"""What the pages of this room read: one module a page, a fixed number of queries each."""
