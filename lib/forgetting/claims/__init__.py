"""The ledger: what the papers claim beside what the same statistic shows here."""
