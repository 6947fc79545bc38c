"""One rule for every merge, and how it is carried through two zones."""
