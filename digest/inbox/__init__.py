"""Where mail for us comes from: standard input, a mailbox by IMAP, a mail server by LMTP."""
