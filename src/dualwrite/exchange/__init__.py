"""Files that carry records in and out: data-management exports of finance and operations."""
