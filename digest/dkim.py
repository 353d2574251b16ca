"""DKIM signatures (RFC 6376). Pure."""
