"""What a PostgreSQL database says about its statements and indexes, asked read-only."""
