"""What a person reads of a document's performance: the values it is told from, its pages, its pictures."""
