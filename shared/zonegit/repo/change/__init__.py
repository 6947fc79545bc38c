"""What an operator does to a branch as a whole: merge, pick, take back, edit, plan."""
