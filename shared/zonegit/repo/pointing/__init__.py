"""Moving pointers alone: branches, tags, and what others made."""
