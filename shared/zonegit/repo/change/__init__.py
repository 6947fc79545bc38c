"""Operations on branches and tags: merge, cherry-pick, revert, reset, undo, edit, import."""
