"""A creditor's and a bank's files, from bytes to stored rows."""
