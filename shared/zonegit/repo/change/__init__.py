"""Changes of whole branches: merge, cherry-pick, revert, undo, edit, plan."""
