"""The three-way merge of zones: of a value, of an RRset, of the RRsets of an owner, of a zone."""
