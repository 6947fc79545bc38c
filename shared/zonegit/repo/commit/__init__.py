"""Make one commit from an intended change."""
